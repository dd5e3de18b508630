#include "kafka/broker.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <array>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace kafka_bench {
namespace {

void expect_done(rd_kafka_queue_t* queue, const char* doing) {
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 20'000);
  const rd_kafka_resp_err_t error = event == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
  if (event != nullptr) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  check(error, doing);
}

}  // namespace

rd_kafka_t* make_client(rd_kafka_type_t type, const Properties& properties, Delivered delivered) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[256] = "";
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) != RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      throw std::runtime_error{reason};
    }
  }
  if (delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t* client = rd_kafka_new(type, conf, reason, sizeof reason);
  if (client == nullptr) {
    rd_kafka_conf_destroy(conf);
    throw std::runtime_error{reason};
  }
  return client;
}

rd_kafka_t* make_reader(const std::string& brokers, const std::string& topic) {
  rd_kafka_t* reader = make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers},
                                                       {"group.id", topic},
                                                       {"enable.auto.commit", "false"},
                                                       {"isolation.level", "read_committed"},
                                                       {"fetch.wait.max.ms", "10"}});
  rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(kPartitions);
  for (int p = 0; p < kPartitions; ++p) rd_kafka_topic_partition_list_add(all, topic.c_str(), p)->offset = 0;
  rd_kafka_assign(reader, all);
  rd_kafka_topic_partition_list_destroy(all);
  return reader;
}

void check(rd_kafka_error_t* error, const char* doing) {
  if (error == nullptr) return;
  const std::string what = std::string{doing} + ": " + rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  throw std::runtime_error{what};
}

void check(rd_kafka_resp_err_t error, const char* doing) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error{std::string{doing} + ": " + rd_kafka_err2str(error)};
}

Broker::Broker(std::string brokers, bool& skipped) : brokers_{std::move(brokers)} {
  if (brokers_.empty()) {
    std::string folder = (std::filesystem::temp_directory_path() / "millstream_bench.XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error{"there is no place for a folder: " + folder};
    folder_ = folder;
    const int result = run("start");
    owned_ = result == 0;
    skipped = result == 3;
    if (skipped) return;
    if (!owned_) throw std::runtime_error{"the broker did not start"};
  }
  admin_ = make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers_}});
}

Broker::~Broker() {
  if (admin_ != nullptr) rd_kafka_destroy(admin_);
  if (owned_) run("stop");
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

int Broker::run(const std::string& command) {
  // At full speed: the flags that tests start it with keep its compiler from optimising.
  const std::string line = "KAFKA_JVM= KAFKA_OWNER=" + std::to_string(::getpid()) + " '" +
                           MILLSTREAM_KAFKA_BROKER_SCRIPT + "' " + command + " '" + folder_ + "'";
  std::FILE* output = ::popen(line.c_str(), "r");
  if (output == nullptr) return 1;
  char text[256] = "";
  while (std::fgets(text, sizeof text, output) != nullptr) {
    const std::string_view said{text};
    if (said.starts_with("127.0.0.1:")) brokers_ = said.substr(0, said.find('\n'));
  }
  const int status = ::pclose(output);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

std::string Broker::make_topic(const std::string& name) {
  const std::string topic = "bench-" + std::to_string(::getpid()) + "-" + std::to_string(made_++) + "-" + name;
  rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic.c_str(), kPartitions, 1, nullptr, 0);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(admin_);
  rd_kafka_CreateTopics(admin_, &wanted, 1, nullptr, queue);
  rd_kafka_NewTopic_destroy(wanted);
  expect_done(queue, "making a topic");
  return topic;
}

void Broker::delete_topic(const std::string& topic) {
  rd_kafka_DeleteTopic_t* wanted = rd_kafka_DeleteTopic_new(topic.c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(admin_);
  rd_kafka_DeleteTopics(admin_, &wanted, 1, nullptr, queue);
  rd_kafka_DeleteTopic_destroy(wanted);
  expect_done(queue, "deleting a topic");
}

void Broker::fill(const std::string& topic, std::int64_t records, std::size_t bytes,
                  const std::string& compression) const {
  rd_kafka_t* writer = make_client(
      RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers_}, {"linger.ms", "20"}, {"compression.type", compression}});
  std::string value(bytes, ' ');
  for (std::size_t i = 0; i < bytes; ++i) value[i] = static_cast<char>('a' + i * 7 % 26);
  for (std::int64_t i = 0; i < records; ++i) {
    const std::int64_t key = i * 7919 % kKeys;
    const std::string text = std::to_string(key);
    const std::string number = std::to_string(i);
    value.replace(0, std::min(number.size(), bytes), number, 0, std::min(number.size(), bytes));
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      error = rd_kafka_producev(writer, RD_KAFKA_V_TOPIC(topic.c_str()),
                                RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(key % kPartitions)),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(text.data(), text.size()),
                                RD_KAFKA_V_VALUE(value.data(), value.size()),
                                RD_KAFKA_V_TIMESTAMP(kFirstMs + i / kMessagesPerMs), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) rd_kafka_poll(writer, 10);
    }
    check(error, "writing the input");
  }
  const rd_kafka_resp_err_t flushed = rd_kafka_flush(writer, 120'000);
  rd_kafka_destroy(writer);
  check(flushed, "writing the input");
}

Digest digest_of(const std::string& brokers, const std::string& topic, Compared compared) {
  rd_kafka_t* reader = make_client(
      RD_KAFKA_CONSUMER,
      {{"bootstrap.servers", brokers}, {"enable.partition.eof", "true"}, {"isolation.level", "read_committed"}});
  rd_kafka_topic_t* handle = rd_kafka_topic_new(reader, topic.c_str(), nullptr);
  Digest digest;
  const auto text = [](const void* data, std::size_t size) {
    return std::hash<std::string_view>{}({static_cast<const char*>(data), size});
  };
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
    rd_kafka_consume_start(handle, partition, RD_KAFKA_OFFSET_BEGINNING);
    for (bool ended = false; !ended;) {
      rd_kafka_message_t* message = rd_kafka_consume(handle, partition, 30'000);
      if (message == nullptr) throw std::runtime_error{"the end of the output was not reached in 30 s"};
      ended = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++digest.messages;
        const std::int64_t at = compared.timestamps ? rd_kafka_message_timestamp(message, nullptr) : 0;
        const std::array<std::uint64_t, 4> parts{
            text(message->key, message->key_len), text(message->payload, message->len),
            static_cast<std::uint64_t>(compared.partitions ? partition : 0), static_cast<std::uint64_t>(at)};
        digest.sum += text(parts.data(), sizeof parts);
      }
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consume_stop(handle, partition);
  }
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(reader);
  return digest;
}

}  // namespace kafka_bench
