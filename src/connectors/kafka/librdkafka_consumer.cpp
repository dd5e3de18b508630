// Reading by librdkafka. Partitions are started one by one, each into a queue of its own
// (rd_kafka_consume_start_queue): this needs no group, each partition has fetch memory of its own, and its shard alone
// drains it.
#include <algorithm>
#include <array>
#include <utility>

#include "connectors/kafka/errors.hpp"
#include "connectors/kafka/librdkafka_client.hpp"
#include "connectors/kafka/librdkafka_handle.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

constexpr std::size_t kMessagesMax = kBatchRecordsMax;  // a fetch is for a batch

class LibrdkafkaQueue final : public PartitionQueue {
 public:
  LibrdkafkaQueue(LibrdkafkaHandle& handle, const TopicPartition& partition, std::function<void()> notify)
      : handle_{handle},
        topic_{handle.topic(partition.topic)},
        partition_{partition.partition},
        notify_{std::move(notify)},
        queue_{rd_kafka_queue_new(handle.get())} {
    rd_kafka_queue_cb_event_enable(queue_, &on_ready, this);
  }
  ~LibrdkafkaQueue() override {
    stop();
    rd_kafka_queue_cb_event_enable(queue_, nullptr, nullptr);
    rd_kafka_queue_destroy(queue_);
  }

  Status start(std::int64_t offset) {
    if (rd_kafka_consume_start_queue(topic_, partition_, offset, queue_) == 0) {
      started_ = true;
      return {};
    }
    return to_status(rd_kafka_last_error(), {});
  }

  Fetched fetch(std::span<MessageView> messages) override {
    if (given_ == held_) {
      release();
      const auto got =
          rd_kafka_consume_batch_queue(queue_, 0, held_messages_.data(), std::min(messages.size(), kMessagesMax));
      held_ = got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    Fetched fetched;
    while (given_ < held_ && fetched.messages < messages.size()) {
      const rd_kafka_message_t& message = *held_messages_[given_];
      if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (fetched.messages > 0) return fetched;  // the event comes alone, with the next call
        ++given_;
        if (note_event(message, fetched)) return fetched;
        continue;
      }
      view(message, messages[fetched.messages++]);
      ++given_;
    }
    return fetched;
  }

  void append_headers(const MessageView& message, std::vector<Header>& headers) const override {
    rd_kafka_headers_t* native = nullptr;
    const auto* rkmessage = static_cast<const rd_kafka_message_t*>(message.native);
    if (rd_kafka_message_headers(rkmessage, &native) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(native, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      Header& header = headers.emplace_back();
      header.name = name;
      if (value != nullptr) header.value.emplace(static_cast<const char*>(value), size);
    }
  }

  std::int64_t end_offset() const override {
    std::int64_t low = -1;
    std::int64_t high = -1;
    // What the last fetch said; it asks nobody.
    rd_kafka_get_watermark_offsets(handle_.get(), rd_kafka_topic_name(topic_), partition_, &low, &high);
    return high;
  }

  Status restart_at(std::int64_t offset) override {
    // The client has given the partition up, and seeks in none that is not being read. Stopping it asks another thread
    // of the client, which answers in microseconds.
    stop();
    return start(offset == kEarliestOffset ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END);
  }

 private:
  static void on_ready(rd_kafka_t* /*client*/, void* opaque) { static_cast<LibrdkafkaQueue*>(opaque)->notify_(); }

  static void view(const rd_kafka_message_t& message, MessageView& view) {
    view.value = {static_cast<const char*>(message.payload), message.len};
    view.key = {static_cast<const char*>(message.key), message.key_len};
    view.has_value = message.payload != nullptr;
    view.has_key = message.key != nullptr;
    view.offset = message.offset;
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    view.timestamp_ms = rd_kafka_message_timestamp(&message, &type);
    view.native = &message;
  }
  bool note_event(const rd_kafka_message_t& message, Fetched& fetched) {
    fetched.offset = message.offset;
    switch (message.err) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        fetched.event = Fetched::Event::kEnd;
        return true;
      case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        fetched.event = Fetched::Event::kOutOfRange;
        break;
      default:
        if (class_of(message.err) == ErrorClass::kHeals) {
          handle_.note_error(message.err, std::string{rd_kafka_topic_name(topic_)} + "/" + std::to_string(partition_) +
                                              ": " + rd_kafka_message_errstr(&message));
          return false;
        }
        fetched.event = Fetched::Event::kFailed;
    }
    fetched.status = to_status(message.err, rd_kafka_message_errstr(&message));
    return true;
  }
  void stop() {
    if (std::exchange(started_, false)) rd_kafka_consume_stop(topic_, partition_);
    release();
  }
  void release() {
    for (std::size_t i = 0; i < held_; ++i) rd_kafka_message_destroy(held_messages_[i]);
    held_ = given_ = 0;
  }

  LibrdkafkaHandle& handle_;
  rd_kafka_topic_t* topic_;
  std::int32_t partition_;
  std::function<void()> notify_;
  rd_kafka_queue_t* queue_;
  bool started_ = false;
  std::array<rd_kafka_message_t*, kMessagesMax> held_messages_{};
  std::size_t held_ = 0;
  std::size_t given_ = 0;
};

class LibrdkafkaConsumer final : public Consumer {
 public:
  explicit LibrdkafkaConsumer(std::unique_ptr<LibrdkafkaHandle> handle) : handle_{std::move(handle)} {}

  Status serve(const LogHook& log) override { return handle_->serve(log); }
  bool has_events() const override { return handle_->has_events(); }
  void on_events(std::function<void()> notify) override { handle_->on_events(std::move(notify)); }

  Result<std::string> cluster_id(std::chrono::milliseconds timeout) override {
    constexpr int kAnsweredMs = 100;
    Deadline deadline{timeout};
    do {
      // The client connects for a question alone; this one is about no topic.
      const rd_kafka_metadata_t* came = nullptr;
      const rd_kafka_resp_err_t code = rd_kafka_metadata(handle_->get(), 0, nullptr, &came, deadline.next_slice_ms());
      if (came != nullptr) rd_kafka_metadata_destroy(came);
      if (Status s = handle_->look(); !s.ok()) return s;
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      if (char* const native = rd_kafka_clusterid(handle_->get(), kAnsweredMs)) {
        std::string id{native};
        rd_kafka_mem_free(handle_->get(), native);
        return id;
      }
    } while (!deadline.over());
    return handle_->timed_out("asking which cluster it is");
  }

  Result<std::vector<TopicInfo>> topics(std::span<const std::string> names,
                                        std::chrono::milliseconds timeout) override {
    Deadline deadline{timeout};
    std::vector<TopicInfo> found;
    for (const std::string& name : names) static_cast<void>(handle_->topic(name));
    for (const std::string& name : names) {
      const Result<std::int32_t> partitions = handle_->partitions(name, deadline);
      if (!partitions) return partitions.error();
      found.push_back({name, *partitions});
    }
    return found;
  }

  Result<std::vector<TopicInfo>> matching_topics(const std::function<bool(const std::string&)>& wanted,
                                                 std::chrono::milliseconds timeout) override {
    Deadline deadline{timeout};
    std::vector<TopicInfo> found;
    Status s = handle_->metadata(nullptr, deadline, [&](const rd_kafka_metadata_t& all) -> Result<Answer> {
      found.clear();
      for (int i = 0; i < all.topic_cnt; ++i) {
        const rd_kafka_metadata_topic& topic = all.topics[i];
        if (!wanted(topic.topic) || topic.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) continue;  // being deleted
        if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
          if (class_of(topic.err) != ErrorClass::kFinal) return Answer::kAskAgain;
          return to_status(topic.err, {}).at("topic '" + std::string{topic.topic} + "'");
        }
        found.push_back({topic.topic, topic.partition_cnt});
      }
      return Answer::kDone;
    });
    if (!s.ok()) return s;
    return found;
  }

  Result<std::vector<std::int64_t>> offsets(std::span<const TopicPartition> partitions, std::int64_t wanted,
                                            std::chrono::milliseconds timeout) override {
    Deadline deadline{timeout};
    std::vector<std::int64_t> offsets(partitions.size(), kLatestOffset);
    std::vector<std::size_t> open(partitions.size());
    for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
    std::string trouble;
    while (!open.empty()) {
      const PartitionList list = list_of(partitions, open, wanted);
      const rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(handle_->get(), list.get(), deadline.next_slice_ms());
      if (Status s = handle_->look(); !s.ok()) return s;
      std::vector<std::size_t> again;
      for (std::size_t i = 0; i < open.size(); ++i) {
        const rd_kafka_topic_partition_t& answer = list->elems[i];
        const rd_kafka_resp_err_t error = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : answer.err;
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
          offsets[open[i]] = answer.offset;
        } else if (class_of(error) == ErrorClass::kFinal && code == RD_KAFKA_RESP_ERR_NO_ERROR) {
          return to_status(error, {}).at(place(partitions[open[i]]));
        } else {
          trouble = place(partitions[open[i]]);
          again.push_back(open[i]);
        }
      }
      open = std::move(again);
      if (!open.empty() && deadline.over()) return handle_->timed_out("asking for offsets of " + trouble);
    }
    return offsets;
  }

  Result<std::vector<std::optional<CommittedOffset>>> committed(std::span<const TopicPartition> partitions,
                                                                std::chrono::milliseconds timeout) override {
    Deadline deadline{timeout};
    std::vector<std::size_t> all(partitions.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    for (;;) {
      const PartitionList list = list_of(partitions, all, RD_KAFKA_OFFSET_INVALID);
      rd_kafka_resp_err_t code = rd_kafka_committed(handle_->get(), list.get(), deadline.next_slice_ms());
      if (Status s = handle_->look(); !s.ok()) return s;
      std::vector<std::optional<CommittedOffset>> offsets(partitions.size());
      for (std::size_t i = 0; i < all.size() && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
        const rd_kafka_topic_partition_t& answer = list->elems[i];
        code = answer.err;
        if (answer.offset < 0) continue;
        offsets[i] = {answer.offset, {}};
        if (answer.metadata_size > 0) {
          offsets[i]->metadata.assign(static_cast<const char*>(answer.metadata), answer.metadata_size);
        }
      }
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return offsets;
      if (class_of(code) == ErrorClass::kFinal) return to_status(code, {});
      if (deadline.over()) return handle_->timed_out("asking for the committed offsets of the group");
    }
  }

  Result<std::unique_ptr<PartitionQueue>> read(const TopicPartition& partition, std::int64_t offset,
                                               std::function<void()> notify) override {
    auto queue = std::make_unique<LibrdkafkaQueue>(*handle_, partition, std::move(notify));
    if (Status s = queue->start(offset); !s.ok()) return s;
    return std::unique_ptr<PartitionQueue>{std::move(queue)};
  }

 private:
  using Answer = LibrdkafkaHandle::Answer;

  static std::string place(const TopicPartition& partition) {
    return partition.topic + "/" + std::to_string(partition.partition);
  }
  static PartitionList list_of(std::span<const TopicPartition> partitions, const std::vector<std::size_t>& wanted,
                               std::int64_t offset) {
    PartitionList list{rd_kafka_topic_partition_list_new(static_cast<int>(wanted.size()))};
    for (const std::size_t i : wanted) {
      rd_kafka_topic_partition_list_add(list.get(), partitions[i].topic.c_str(), partitions[i].partition)->offset =
          offset;
    }
    return list;
  }

  std::unique_ptr<LibrdkafkaHandle> handle_;
};

}  // namespace

Result<std::unique_ptr<Consumer>> librdkafka_consumer(const Configuration& configuration) {
  auto handle = LibrdkafkaHandle::make(RD_KAFKA_CONSUMER, configuration, nullptr);
  if (!handle) return handle.error();
  return std::unique_ptr<Consumer>{std::make_unique<LibrdkafkaConsumer>(*std::move(handle))};
}

std::uint32_t librdkafka_version() { return static_cast<std::uint32_t>(rd_kafka_version()); }

}  // namespace millstream::inline v0::kafka::detail
