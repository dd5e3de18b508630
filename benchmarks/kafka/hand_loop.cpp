// What one writes by hand: a loop that reads, works and writes in transactions, which carry the offsets. It keeps the
// counts in memory only, so after a crash they would be wrong: Millstream's checkpoints have them too.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <vector>

#include "kafka/broker.hpp"
#include "kafka/rows.hpp"

namespace kafka_bench {
namespace {

double cpu_now() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class HandLoop {
 public:
  explicit HandLoop(const Run& run) : run_{run} {
    reader_ = make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", run.brokers},
                                              {"group.id", run.name},
                                              {"enable.auto.commit", "false"},
                                              {"enable.auto.offset.store", "false"},
                                              {"auto.offset.reset", "error"},
                                              {"isolation.level", "read_committed"},
                                              {"fetch.wait.max.ms", "100"},
                                              // Of all partitions, for they share a queue.
                                              {"queued.max.messages.kbytes", std::to_string(run.fetch_bytes_max >> 10)},
                                              {"queued.min.messages", "10000000"},
                                              {"socket.nagle.disable", "true"}});
    // A callback for deliveries: without one the client's commit waits in steps of 10 ms.
    writer_ = make_client(RD_KAFKA_PRODUCER,
                          {{"bootstrap.servers", run.brokers},
                           {"transactional.id", run.name},
                           {"linger.ms", "5"},
                           {"compression.type", "lz4"},
                           {"batch.num.messages", "10000"},
                           {"queue.buffering.max.messages", "200000"},
                           {"queue.buffering.max.kbytes", "16384"},
                           {"socket.nagle.disable", "true"}},
                          [](rd_kafka_t*, const rd_kafka_message_t*, void*) {});
    output_ = rd_kafka_topic_new(writer_, run.output.c_str(), nullptr);
    check(rd_kafka_init_transactions(writer_, 30'000), "init_transactions");
    check(rd_kafka_begin_transaction(writer_), "begin_transaction");
    rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(kPartitions);
    for (int p = 0; p < kPartitions; ++p) rd_kafka_topic_partition_list_add(all, run.input.c_str(), p)->offset = 0;
    check(rd_kafka_assign(reader_, all), "assign");
    rd_kafka_topic_partition_list_destroy(all);
    queue_ = rd_kafka_queue_get_consumer(reader_);
  }
  ~HandLoop() {
    rd_kafka_queue_destroy(queue_);
    rd_kafka_topic_destroy(output_);
    rd_kafka_consumer_close(reader_);
    rd_kafka_destroy(reader_);
    rd_kafka_destroy(writer_);
  }
  HandLoop(const HandLoop&) = delete;
  HandLoop& operator=(const HandLoop&) = delete;

  Cost to_end() {
    std::vector<rd_kafka_message_t*> messages(1000);
    Stopwatch watch;
    auto last_commit = std::chrono::steady_clock::now();
    auto last_message = last_commit;
    std::int64_t read = 0;
    while (read < run_.records) {
      const ssize_t count = rd_kafka_consume_batch_queue(queue_, 10, messages.data(), messages.size());
      const auto now = std::chrono::steady_clock::now();
      if (count > 0) {
        if (!watch.has_begun()) watch.begin();
        last_message = now;
      }
      if (now - last_message > std::chrono::seconds{60}) throw std::runtime_error{"no message for a minute"};
      for (ssize_t i = 0; i < count; ++i) {
        rd_kafka_message_t* message = messages[static_cast<std::size_t>(i)];
        check(message->err, "reading");
        watch.keep_to(run_.pace);
        take(*message);
        offsets_[static_cast<std::size_t>(message->partition)] = message->offset + 1;
        rd_kafka_message_destroy(message);
        ++read;
      }
      fire(*std::min_element(newest_ms_.begin(), newest_ms_.end()));
      rd_kafka_poll(writer_, 0);
      if (now - last_commit >= run_.checkpoint) {
        commit();
        check(rd_kafka_begin_transaction(writer_), "begin_transaction");
        last_commit = now;
      }
    }
    fire(std::numeric_limits<std::int64_t>::max());
    commit();
    return watch.cost();
  }

 private:
  void take(const rd_kafka_message_t& message) {
    if (run_.row == Row::kCopy) {
      copy(message);
      return;
    }
    std::string key{static_cast<const char*>(message.key), message.key_len};
    if (run_.row == Row::kKeyed) {
      const std::string count = std::to_string(++counts_[key]);
      write(message.partition, key.data(), key.size(), count.data(), count.size());
      return;
    }
    const std::int64_t at = rd_kafka_message_timestamp(&message, nullptr);
    newest_ms_[static_cast<std::size_t>(message.partition)] = at;
    Counts& window = windows_[at - at % kWindowMs];
    ++window[std::move(key)];
  }
  /// The windows that are complete.
  void fire(std::int64_t watermark_ms) {
    while (!windows_.empty() && windows_.begin()->first + kWindowMs <= watermark_ms) {
      const auto& [start, counts] = *windows_.begin();
      for (const auto& [key, count] : counts) {
        const std::string value = std::to_string(start) + " " + std::to_string(count);
        write(static_cast<std::int32_t>(std::stoll(key) % kPartitions), key.data(), key.size(), value.data(),
              value.size());
      }
      windows_.erase(windows_.begin());
    }
  }
  // With its timestamp, as a copy should be.
  void copy(const rd_kafka_message_t& message) {
    const std::int64_t at = rd_kafka_message_timestamp(&message, nullptr);
    while (true) {
      const rd_kafka_resp_err_t error =
          rd_kafka_producev(writer_, RD_KAFKA_V_RKT(output_), RD_KAFKA_V_PARTITION(message.partition),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(message.payload, message.len),
                            RD_KAFKA_V_KEY(message.key, message.key_len), RD_KAFKA_V_TIMESTAMP(at), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(error, "writing");
      rd_kafka_poll(writer_, 1);
    }
  }
  void write(std::int32_t partition, const void* key, std::size_t key_bytes, const void* value, std::size_t bytes) {
    while (rd_kafka_produce(output_, partition, RD_KAFKA_MSG_F_COPY, const_cast<void*>(value), bytes, key, key_bytes,
                            nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(rd_kafka_last_error(), "writing");
      rd_kafka_poll(writer_, 1);
    }
  }
  void commit() {
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(kPartitions);
    for (int p = 0; p < kPartitions; ++p) {
      rd_kafka_topic_partition_list_add(offsets, run_.input.c_str(), p)->offset = offsets_[static_cast<std::size_t>(p)];
    }
    rd_kafka_consumer_group_metadata_t* group = rd_kafka_consumer_group_metadata(reader_);
    rd_kafka_error_t* sent = rd_kafka_send_offsets_to_transaction(writer_, offsets, group, 30'000);
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
    check(sent, "send_offsets_to_transaction");
    check(rd_kafka_commit_transaction(writer_, 60'000), "commit_transaction");
  }

  using Counts = std::unordered_map<std::string, std::int64_t>;
  const Run& run_;
  rd_kafka_t* reader_ = nullptr;
  rd_kafka_t* writer_ = nullptr;
  rd_kafka_topic_t* output_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  std::array<std::int64_t, kPartitions> offsets_{};
  std::array<std::int64_t, kPartitions> newest_ms_{};
  Counts counts_;
  std::map<std::int64_t, Counts> windows_;
};

}  // namespace

void Stopwatch::begin() {
  has_begun_ = true;
  at_ = std::chrono::steady_clock::now();
  cpu_ = cpu_now();
}

Cost Stopwatch::cost() const {
  return {std::chrono::duration<double>{std::chrono::steady_clock::now() - at_}.count(), cpu_now() - cpu_,
          std::chrono::duration<double, std::milli>{behind_}.count()};
}

void Stopwatch::keep_to(std::int64_t pace) {
  constexpr std::int64_t kBetweenLooks = 100;
  if (pace == 0 || ++taken_ % kBetweenLooks != 0) return;
  const auto due = at_ + std::chrono::nanoseconds{taken_ * 1'000'000'000 / pace};
  behind_ = std::max(behind_, std::chrono::steady_clock::now() - due);
  std::this_thread::sleep_until(due);
}

Cost run_by_hand(const Run& run) { return HandLoop{run}.to_end(); }

}  // namespace kafka_bench
