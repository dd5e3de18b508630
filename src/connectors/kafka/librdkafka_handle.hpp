// One librdkafka client: made from a Configuration, its topics, and what it says beside its work (log messages, lost
// brokers, final errors). Consumer and producer are built on it.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/configuration.hpp"
#include "connectors/kafka/deadline.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::kafka::detail {

/// Destroys by the given function.
template <class T, void (*Destroy)(T*)>
struct Destroyer {
  void operator()(T* object) const { Destroy(object); }
};
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t,
                    Destroyer<rd_kafka_topic_partition_list_t, &rd_kafka_topic_partition_list_destroy>>;

class LibrdkafkaHandle {
 public:
  using OnDelivery = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);
  /// `on_delivery`: of a producer.
  [[nodiscard]] static Result<std::unique_ptr<LibrdkafkaHandle>> make(rd_kafka_type_t type,
                                                                      const Configuration& configuration,
                                                                      OnDelivery on_delivery);
  ~LibrdkafkaHandle();
  LibrdkafkaHandle(const LibrdkafkaHandle&) = delete;
  LibrdkafkaHandle& operator=(const LibrdkafkaHandle&) = delete;

  [[nodiscard]] rd_kafka_t* get() const noexcept { return client_; }
  /// Kept for the life of the client: a topic that it does not know yet costs the first message a second. Any thread.
  [[nodiscard]] rd_kafka_topic_t* topic(const std::string& name) { return known_topic(name).native; }
  struct KnownTopic {
    rd_kafka_topic_t* native = nullptr;
    /// When partitions() was asked; 0 where forget_partitions() was called since. Topics get more of them, never fewer,
    /// unless they are made anew.
    std::int32_t partitions = 0;
  };
  [[nodiscard]] KnownTopic known_topic(const std::string& name);

  // As ClientHandle has them; any thread.
  [[nodiscard]] Status serve(const LogHook& log);
  [[nodiscard]] bool has_events() const noexcept { return has_events_.load(std::memory_order_relaxed); }
  void on_events(std::function<void()> notify);

  /// Asks about one topic, or about all where it is null, until `use` is content with the answer (says "done"), it
  /// reports an error, or time is up.
  enum class Answer { kDone, kAskAgain };
  [[nodiscard]] Status metadata(rd_kafka_topic_t* topic, Deadline& deadline,
                                const std::function<Result<Answer>(const rd_kafka_metadata_t&)>& use);
  /// It is not known any more which partitions the topic has.
  void forget_partitions(const rd_kafka_topic_t* topic);
  /// How many the topic has; kNotFound where there is no such topic.
  [[nodiscard]] Result<std::int32_t> partitions(const std::string& topic, Deadline& deadline);
  /// What holds the client up just now, for the message of a timeout.
  [[nodiscard]] Status timed_out(const std::string& what);
  /// Serves without a log: what it says comes with the next serve().
  [[nodiscard]] Status look();
  /// Another client has its transactional.id, or brokers have aborted its transaction: it can only be destroyed.
  [[nodiscard]] bool fenced() const noexcept { return fenced_.load(std::memory_order_relaxed); }
  void note_fenced() noexcept { fenced_.store(true, std::memory_order_relaxed); }
  /// How often a connection that was up has broken, as far as the client tells: of one broker it says the same only
  /// once in 30 s.
  [[nodiscard]] std::uint64_t lost_connections() const noexcept {
    return lost_connections_.load(std::memory_order_relaxed);
  }
  /// Trouble of the client as a whole or of one partition: the next serve() logs it, or reports it where it is final.
  void note_error(rd_kafka_resp_err_t code, std::string_view reason);

 private:
  LibrdkafkaHandle() = default;
  static void on_error(rd_kafka_t* client, int code, const char* reason, void* opaque);
  static void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text);
  static void on_main_queue(rd_kafka_t* client, void* opaque);
  void announce();
  void note_failed_transaction(std::string_view text);
  void keep_error(rd_kafka_resp_err_t code, std::string_view reason);
  void say(LogLevel level, std::string text);

  rd_kafka_t* client_ = nullptr;
  std::string brokers_;
  std::atomic<bool> has_events_{false};
  std::atomic<bool> fenced_{false};
  std::atomic<std::uint64_t> lost_connections_{0};
  std::mutex topics_mutex_;
  std::map<std::string, KnownTopic> topics_;
  std::mutex notify_mutex_;
  std::function<void()> notify_;
  std::mutex said_mutex_;
  std::vector<std::pair<LogLevel, std::string>> said_;
  std::map<rd_kafka_resp_err_t, std::chrono::steady_clock::time_point> told_;
  std::string last_trouble_;
  Status final_;
};

}  // namespace millstream::inline v0::kafka::detail
