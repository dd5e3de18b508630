// What a test does with a topic beside Millstream: writes messages and reads them back, by a client of its own.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millstream::inline v0::testing {

/// A message as it is in the log.
struct Logged {
  std::string value = {};
  std::optional<std::string> key = {};
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool has_value = true;
};

inline rd_kafka_conf_t* test_conf(const std::string& brokers) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[256];
  const auto set = [&](const char* name, const char* value) {
    EXPECT_EQ(rd_kafka_conf_set(conf, name, value, reason, sizeof reason), RD_KAFKA_CONF_OK) << reason;
  };
  set("bootstrap.servers", brokers.c_str());
  set("reconnect.backoff.max.ms", "200");
  set("log_level", "0");
  return conf;
}

/// Writes to topics; each write is acknowledged when it returns.
class LogWriter {
 public:
  /// With `transactional_id` everything stands in transactions: begin(), write(), commit() or abort().
  explicit LogWriter(const std::string& brokers, const std::string& transactional_id = {}) {
    rd_kafka_conf_t* conf = test_conf(brokers);
    char reason[256] = "";
    rd_kafka_conf_set(conf, "linger.ms", "1", reason, sizeof reason);
    // Without it, messages that are sent again come behind later ones: tests count on the order.
    rd_kafka_conf_set(conf, "enable.idempotence", "true", reason, sizeof reason);
    if (!transactional_id.empty()) {
      rd_kafka_conf_set(conf, "transactional.id", transactional_id.c_str(), reason, sizeof reason);
    }
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    EXPECT_NE(client_, nullptr) << reason;
    if (!transactional_id.empty()) check(rd_kafka_init_transactions(client_, 20'000));
  }
  ~LogWriter() { rd_kafka_destroy(client_); }
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void write(const std::string& topic, const std::vector<Logged>& messages) {
    for (const Logged& message : messages) {
      rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
      for (const auto& [name, value] : message.headers) {
        rd_kafka_header_add(headers, name.c_str(), -1, value.data(), static_cast<ssize_t>(value.size()));
      }
      void* value = message.has_value ? const_cast<char*>(message.value.data()) : nullptr;
      void* key = message.key ? const_cast<char*>(message.key->data()) : nullptr;
      const std::size_t key_bytes = message.key ? message.key->size() : 0;
      rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__QUEUE_FULL;
      while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        error = rd_kafka_producev(client_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(message.partition),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                  RD_KAFKA_V_VALUE(value, message.value.size()), RD_KAFKA_V_KEY(key, key_bytes),
                                  RD_KAFKA_V_TIMESTAMP(message.timestamp_ms < 0 ? 0 : message.timestamp_ms),
                                  RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) rd_kafka_poll(client_, 10);
      }
      ASSERT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(error);
    }
    EXPECT_EQ(rd_kafka_flush(client_, 60'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void begin() { check(rd_kafka_begin_transaction(client_)); }
  void commit() { check(rd_kafka_commit_transaction(client_, 20'000)); }
  void abort() { check(rd_kafka_abort_transaction(client_, 20'000)); }

 private:
  static void check(rd_kafka_error_t* error) {
    if (error == nullptr) return;
    ADD_FAILURE() << rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
  }
  rd_kafka_t* client_ = nullptr;
};

/// Everything that is committed in the topic's first `partitions` partitions, by partition.
inline std::vector<Logged> read_log(const std::string& brokers, const std::string& topic, std::int32_t partitions) {
  rd_kafka_conf_t* conf = test_conf(brokers);
  char reason[256] = "";
  rd_kafka_conf_set(conf, "enable.partition.eof", "true", reason, sizeof reason);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
  EXPECT_NE(client, nullptr) << reason;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  std::vector<Logged> all;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    rd_kafka_consume_start(handle, partition, RD_KAFKA_OFFSET_BEGINNING);
    bool ended = false;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!ended && std::chrono::steady_clock::now() < limit) {
      rd_kafka_message_t* message = rd_kafka_consume(handle, partition, 1000);
      if (message == nullptr) continue;
      ended = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        Logged& logged = all.emplace_back();
        logged.has_value = message->payload != nullptr;
        if (logged.has_value) logged.value.assign(static_cast<const char*>(message->payload), message->len);
        if (message->key != nullptr) logged.key.emplace(static_cast<const char*>(message->key), message->key_len);
        logged.partition = partition;
        logged.offset = message->offset;
        logged.timestamp_ms = rd_kafka_message_timestamp(message, nullptr);
        rd_kafka_headers_t* headers = nullptr;
        if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
          const char* name = nullptr;
          const void* value = nullptr;
          std::size_t size = 0;
          for (std::size_t i = 0;
               rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
            logged.headers.emplace_back(name, std::string{static_cast<const char*>(value), size});
          }
        }
      }
      rd_kafka_message_destroy(message);
    }
    EXPECT_TRUE(ended) << "the end of partition " << partition << " was not reached";
    rd_kafka_consume_stop(handle, partition);
  }
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(client);
  return all;
}

}  // namespace millstream::inline v0::testing
