// The broker of the benchmark, what it writes to it, and what it reads back, by clients of its own.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace kafka_bench {

using Properties = std::map<std::string, std::string>;

inline constexpr int kPartitions = 4;
inline constexpr int kKeys = 10'000;
inline constexpr std::int64_t kFirstMs = 1'700'000'000'000;  // event time of the first message
inline constexpr std::int64_t kMessagesPerMs = 100;          // of event time
inline constexpr std::int64_t kWindowMs = 1000;

using Delivered = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);
/// Throws std::runtime_error where the client cannot be made.
[[nodiscard]] rd_kafka_t* make_client(rd_kafka_type_t type, const Properties& properties,
                                      Delivered delivered = nullptr);
/// Throws where `error` is one.
void check(rd_kafka_error_t* error, const char* doing);
void check(rd_kafka_resp_err_t error, const char* doing);

/// A consumer of all committed messages of a topic, from its begin.
[[nodiscard]] rd_kafka_t* make_reader(const std::string& brokers, const std::string& topic);

/// One that kafka_broker.sh starts and that ends with the program, or the user's.
class Broker {
 public:
  /// `brokers` empty = starts one; `skipped` says that there can be none here.
  Broker(std::string brokers, bool& skipped);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  [[nodiscard]] const std::string& brokers() const { return brokers_; }
  /// A topic with a name of its own, and kPartitions partitions.
  [[nodiscard]] std::string make_topic(const std::string& name);
  void delete_topic(const std::string& topic);
  /// `records` messages of `bytes` bytes: number i has the key i * 7919 mod kKeys and is in the partition of its key.
  void fill(const std::string& topic, std::int64_t records, std::size_t bytes,
            const std::string& compression = "lz4") const;

 private:
  int run(const std::string& command);

  std::string folder_;
  std::string brokers_;
  bool owned_ = false;
  rd_kafka_t* admin_ = nullptr;
  int made_ = 0;
};

/// All committed messages of a topic, whatever their order.
struct Digest {
  std::int64_t messages = 0;
  std::uint64_t sum = 0;  // of the hashes of key, value, and what else is compared
  friend bool operator==(const Digest&, const Digest&) = default;
};
/// What is compared beside keys and values.
struct Compared {
  bool partitions = false;
  bool timestamps = false;
};
[[nodiscard]] Digest digest_of(const std::string& brokers, const std::string& topic, Compared compared = {});

}  // namespace kafka_bench
