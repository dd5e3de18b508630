// librdkafka's mock brokers: they answer as brokers do and can be told to fail. They know no transactions.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/kafka/broker_log.hpp"

namespace millstream::inline v0::testing {

class MockCluster {
 public:
  explicit MockCluster(int brokers = 1) {
    char reason[256] = "";
    host_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    EXPECT_NE(host_, nullptr) << reason;
    cluster_ = rd_kafka_mock_cluster_new(host_, brokers);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(host_);
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  [[nodiscard]] std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void create(const std::string& topic, int partitions) {
    EXPECT_EQ(rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  /// All of broker 1's connections break, and nobody can connect.
  void down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void up() { rd_kafka_mock_broker_set_up(cluster_, 1); }
  /// Every answer of broker 1 comes so late.
  void set_round_trip(int ms) { rd_kafka_mock_broker_set_rtt(cluster_, 1, ms); }
  void move(const std::string& topic, std::int32_t partition, std::int32_t broker) {
    rd_kafka_mock_partition_set_leader(cluster_, topic.c_str(), partition, broker);
  }
  void set_topic_error(const std::string& topic, rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(cluster_, topic.c_str(), error);
  }
  /// The next requests of this kind are answered so.
  void push_errors(std::int16_t api_key, std::vector<rd_kafka_resp_err_t> errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, api_key, errors.size(), errors.data());
  }
  /// Commits an offset of partition 0 without a transaction: those of transactions the brokers forget.
  void commit_offset(const std::string& group, const std::string& topic, std::int64_t offset, std::string metadata) {
    rd_kafka_conf_t* conf = test_conf(brokers());
    char reason[256] = "";
    rd_kafka_conf_set(conf, "group.id", group.c_str(), reason, sizeof reason);
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t* one = rd_kafka_topic_partition_list_add(offsets, topic.c_str(), 0);
    one->offset = offset;
    one->metadata = metadata.data();
    one->metadata_size = metadata.size();
    EXPECT_EQ(rd_kafka_commit(client, offsets, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    one->metadata = nullptr;
    one->metadata_size = 0;
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_destroy(client);
  }
  static constexpr std::int16_t kProduce = 0;
  static constexpr std::int16_t kFetch = 1;
  static constexpr std::int16_t kListOffsets = 2;
  static constexpr std::int16_t kMetadata = 3;

 private:
  rd_kafka_t* host_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace millstream::inline v0::testing
