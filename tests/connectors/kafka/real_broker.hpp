// A real broker for the tests of one program: MILLSTREAM_KAFKA_BROKERS, or one that kafka_broker.sh starts and that
// ends with the program.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "connectors/kafka/broker_log.hpp"
#include "connectors/temporary_folder.hpp"

namespace millstream::inline v0::testing {

class RealBroker {
 public:
  /// Null where there can be none here; `reason` says why. Started by the first who asks.
  static RealBroker* get(std::string& reason) {
    static RealBroker broker;
    reason = broker.missing_;
    return broker.missing_.empty() ? &broker : nullptr;
  }
  ~RealBroker() {
    if (admin_ != nullptr) rd_kafka_destroy(admin_);
    if (owned_) run("stop");
  }
  RealBroker(const RealBroker&) = delete;
  RealBroker& operator=(const RealBroker&) = delete;

  [[nodiscard]] const std::string& brokers() const { return brokers_; }
  /// Not the user's: it may be killed, and has the listeners that kafka_broker.sh describes.
  [[nodiscard]] bool owned() const { return owned_; }
  [[nodiscard]] std::string sasl_brokers() const { return first_line("bootstrap_sasl"); }
  [[nodiscard]] std::string ssl_brokers() const { return first_line("bootstrap_ssl"); }
  [[nodiscard]] std::string ca_file() const { return folder_ / "ca.pem"; }
  void kill() { EXPECT_EQ(run("kill"), 0); }
  void restart() { EXPECT_EQ(run("restart"), 0); }
  /// As if its machine had stood still for a time.
  void pause() { EXPECT_EQ(::kill(pid(), SIGSTOP), 0); }
  void resume() { EXPECT_EQ(::kill(pid(), SIGCONT), 0); }

  /// A topic of this name, with something behind it that no other run has.
  [[nodiscard]] std::string make_topic(const std::string& name, int partitions) const {
    const std::string topic = name + "-" + std::to_string(::getpid()) + "-" + std::to_string(made_++);
    rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, nullptr, 0);
    rd_kafka_queue_t* queue = rd_kafka_queue_new(admin_);
    rd_kafka_CreateTopics(admin_, &wanted, 1, nullptr, queue);
    expect_done(queue, topic);
    rd_kafka_NewTopic_destroy(wanted);
    return topic;
  }
  /// To `partitions` in all.
  void grow_topic(const std::string& topic, std::size_t partitions) const {
    char reason[256] = "";
    rd_kafka_NewPartitions_t* wanted = rd_kafka_NewPartitions_new(topic.c_str(), partitions, reason, sizeof reason);
    ASSERT_NE(wanted, nullptr) << reason;
    rd_kafka_queue_t* queue = rd_kafka_queue_new(admin_);
    rd_kafka_CreatePartitions(admin_, &wanted, 1, nullptr, queue);
    expect_done(queue, topic);
    rd_kafka_NewPartitions_destroy(wanted);
  }
  void delete_topic(const std::string& topic) const {
    rd_kafka_DeleteTopic_t* wanted = rd_kafka_DeleteTopic_new(topic.c_str());
    rd_kafka_queue_t* queue = rd_kafka_queue_new(admin_);
    rd_kafka_DeleteTopics(admin_, &wanted, 1, nullptr, queue);
    expect_done(queue, topic);
    rd_kafka_DeleteTopic_destroy(wanted);
  }
  /// As brokers do when nobody has committed to it for offsets.retention.minutes.
  void delete_group(const std::string& group) const {
    rd_kafka_DeleteGroup_t* wanted = rd_kafka_DeleteGroup_new(group.c_str());
    rd_kafka_queue_t* queue = rd_kafka_queue_new(admin_);
    rd_kafka_DeleteGroups(admin_, &wanted, 1, nullptr, queue);
    expect_done(queue, group);
    rd_kafka_DeleteGroup_destroy(wanted);
  }
  /// Those before offset `before`; -1 = all there are.
  void delete_records(const std::string& topic, std::int32_t partition, std::int64_t before) const {
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, topic.c_str(), partition)->offset = before;
    rd_kafka_DeleteRecords_t* wanted = rd_kafka_DeleteRecords_new(offsets);
    rd_kafka_queue_t* queue = rd_kafka_queue_new(admin_);
    rd_kafka_DeleteRecords(admin_, &wanted, 1, nullptr, queue);
    expect_done(queue, topic);
    rd_kafka_DeleteRecords_destroy(wanted);
    rd_kafka_topic_partition_list_destroy(offsets);
  }
  /// What a group has committed for the first `partitions` partitions of a topic: those that it has.
  [[nodiscard]] std::map<std::int32_t, std::int64_t> committed(const std::string& group, const std::string& topic,
                                                               std::int32_t partitions) const {
    rd_kafka_conf_t* conf = test_conf(brokers_);
    char reason[256] = "";
    rd_kafka_conf_set(conf, "group.id", group.c_str(), reason, sizeof reason);
    rd_kafka_conf_set(conf, "isolation.level", "read_committed", reason, sizeof reason);
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_topic_partition_list_add_range(offsets, topic.c_str(), 0, partitions - 1);
    EXPECT_EQ(rd_kafka_committed(client, offsets, 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    std::map<std::int32_t, std::int64_t> all;
    for (int i = 0; i < offsets->cnt; ++i) {
      if (offsets->elems[i].offset >= 0) all[offsets->elems[i].partition] = offsets->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_destroy(client);
    return all;
  }
  void commit_offset(const std::string& group, const std::string& topic, std::int64_t offset) const {
    rd_kafka_conf_t* conf = test_conf(brokers_);
    char reason[256] = "";
    rd_kafka_conf_set(conf, "group.id", group.c_str(), reason, sizeof reason);
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, topic.c_str(), 0)->offset = offset;
    EXPECT_EQ(rd_kafka_commit(client, offsets, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_destroy(client);
  }

 private:
  RealBroker() {
    if (const char* named = std::getenv("MILLSTREAM_KAFKA_BROKERS"); named != nullptr && *named != '\0') {
      brokers_ = named;
    } else {
      const int result = run("start");
      if (result != 0) {
        missing_ =
            "no broker: kafka_broker.sh start ended with " + std::to_string(result) +
            (result == 3 ? " (no java or jars: install default-jre-headless and maven, and run kafka_broker.sh fetch)"
                         : "");
        EXPECT_EQ(result, 3) << "the broker did not start";
        return;
      }
      owned_ = true;
    }
    char reason[256] = "";
    admin_ = rd_kafka_new(RD_KAFKA_PRODUCER, test_conf(brokers_), reason, sizeof reason);
    EXPECT_NE(admin_, nullptr) << reason;
  }

  [[nodiscard]] pid_t pid() const { return std::stoi(first_line("broker.pid")); }
  [[nodiscard]] std::string first_line(const std::string& file) const {
    const std::string text = TemporaryFolder::read(folder_ / file);
    return text.substr(0, text.find('\n'));
  }
  static std::string quoted(const std::string& text) {
    std::string all = "'";
    for (const char c : text) all += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return all + "'";
  }
  int run(const std::string& command) {
    // The broker ends with this program, however that ends.
    const std::string line = "KAFKA_OWNER=" + std::to_string(::getpid()) + " " +
                             quoted(MILLSTREAM_KAFKA_BROKER_SCRIPT) + " " + command + " " + quoted(folder_.path());
    std::FILE* output = ::popen(line.c_str(), "r");
    char text[256] = "";
    while (std::fgets(text, sizeof text, output) != nullptr) {
      if (std::string{text}.starts_with("127.0.0.1:"))
        brokers_ = std::string{text}.substr(0, std::string{text}.find('\n'));
    }
    const int status = ::pclose(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static void expect_done(rd_kafka_queue_t* queue, const std::string& topic) {
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 20'000);
    ASSERT_NE(event, nullptr) << topic;
    EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_event_error_string(event);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
  }

  TemporaryFolder folder_;
  std::string brokers_;
  std::string missing_;
  bool owned_ = false;
  rd_kafka_t* admin_ = nullptr;
  mutable int made_ = 0;
};

/// A test on a real broker, which is skipped where there is none.
class OnBroker : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    broker = RealBroker::get(reason);
    if (broker == nullptr) GTEST_SKIP() << reason;
  }
  RealBroker* broker = nullptr;
};

}  // namespace millstream::inline v0::testing
