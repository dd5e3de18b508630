// Writing by librdkafka, a batch a call.
#include <utility>
#include <vector>

#include "connectors/kafka/delivery_group.hpp"
#include "connectors/kafka/errors.hpp"
#include "connectors/kafka/librdkafka_client.hpp"
#include "connectors/kafka/librdkafka_handle.hpp"
#include "connectors/kafka/librdkafka_producer.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

// librdkafka takes a null pointer for "none"; nothing in it writes to what it copies.
void* bytes_of(std::string_view text, bool there) {
  if (!there) return nullptr;
  return const_cast<char*>(text.data() != nullptr ? text.data() : "");
}

// As OutgoingMessage::bytes() counts.
std::size_t size_of(const rd_kafka_message_t& message) {
  std::size_t all = message.len + message.key_len;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return all;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    all += kHeaderBytes + size;
  }
  return all;
}

void on_delivery(rd_kafka_t* /*client*/, const rd_kafka_message_t* message, void* opaque) {
  // The client itself may come to that conclusion later.
  if (is_fencing(message->err)) static_cast<LibrdkafkaHandle*>(opaque)->note_fenced();
  auto& log = *static_cast<DeliveryLog*>(message->_private);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    DeliveryGroup::delivered(log, size_of(*message));
  } else {
    log.failed(size_of(*message), to_status(message->err, {}));
  }
}

class LibrdkafkaProducer final : public Producer {
 public:
  explicit LibrdkafkaProducer(std::shared_ptr<LibrdkafkaHandle> handle) : handle_{std::move(handle)} {}

  Status serve(const LogHook& log) override { return handle_->serve(log); }
  bool has_events() const override { return handle_->has_events(); }
  void on_events(std::function<void()> notify) override { handle_->on_events(std::move(notify)); }

  Result<std::int32_t> partitions(const std::string& topic, std::chrono::milliseconds timeout) override {
    Deadline deadline{timeout};
    return handle_->partitions(topic, deadline);
  }

  Status produce(const std::string& topic, std::span<const OutgoingMessage> messages, DeliveryLog& log) override {
    // Batch calls know neither headers nor timestamps, and lose a message, with its memory and its place in the
    // client's queue, for a partition that is not there (librdkafka 2.0.2).
    const LibrdkafkaHandle::KnownTopic to = handle_->known_topic(topic);
    Status status;
    std::size_t begun = 0;
    for (std::size_t i = 0; i <= messages.size(); ++i) {
      const bool plain = i < messages.size() && messages[i].headers.empty() && messages[i].timestamp_ms < 0 &&
                         messages[i].partition < to.partitions;
      if (plain) continue;
      if (i > begun) note(produce_plain(to.native, messages.subspan(begun, i - begun), log), status);
      if (i < messages.size()) note(produce_one(to.native, messages[i], log), status);
      begun = i + 1;
    }
    return status;
  }

  void flush(std::chrono::milliseconds slice) override {
    rd_kafka_flush(handle_->get(), static_cast<int>(slice.count()));
  }
  void purge() override {
    rd_kafka_purge(handle_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_poll(handle_->get(), 0);
  }

 private:
  static void note(Status now, Status& first) {
    if (first.ok()) first = std::move(now);
  }

  // The topic was deleted, or made anew with fewer partitions, since they were counted.
  static bool lost_by_batch(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
           error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  }

  Status produce_plain(rd_kafka_topic_t* topic, std::span<const OutgoingMessage> messages, DeliveryLog& log) {
    std::vector<rd_kafka_message_t> natives(messages.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const OutgoingMessage& message = messages[i];
      rd_kafka_message_t& native = natives[i];
      native.payload = bytes_of(message.value, message.has_value);
      native.len = message.value.size();
      native.key = bytes_of(message.key, message.has_key);
      native.key_len = message.key.size();
      native.partition = message.partition < 0 ? RD_KAFKA_PARTITION_UA : message.partition;
      native._private = &log;
    }
    const int taken =
        rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_PARTITION,
                               natives.data(), static_cast<int>(natives.size()));
    Status status;
    if (taken == static_cast<int>(natives.size())) return status;
    for (std::size_t i = 0; i < natives.size(); ++i) {
      if (natives[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      if (messages[i].partition >= 0 && lost_by_batch(natives[i].err)) handle_->forget_partitions(topic);
      note(refuse(natives[i].err, messages[i].bytes(), log), status);
    }
    return status;
  }

  Status produce_one(rd_kafka_topic_t* topic, const OutgoingMessage& message, DeliveryLog& log) {
    rd_kafka_headers_t* headers = nullptr;
    if (!message.headers.empty()) headers = rd_kafka_headers_new(message.headers.size());
    for (const Header& header : message.headers) {
      rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                          header.value ? header.value->data() : nullptr,
                          header.value ? static_cast<ssize_t>(header.value->size()) : 0);
    }
    const rd_kafka_resp_err_t error =
        rd_kafka_producev(handle_->get(), RD_KAFKA_V_RKT(topic),
                          RD_KAFKA_V_PARTITION(message.partition < 0 ? RD_KAFKA_PARTITION_UA : message.partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(bytes_of(message.value, message.has_value), message.value.size()),
                          RD_KAFKA_V_KEY(bytes_of(message.key, message.has_key), message.key.size()),
                          RD_KAFKA_V_TIMESTAMP(message.timestamp_ms < 0 ? 0 : message.timestamp_ms),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(static_cast<void*>(&log)), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (headers != nullptr) rd_kafka_headers_destroy(headers);  // only what was taken is the client's
    return refuse(error, message.bytes(), log);
  }

  Status refuse(rd_kafka_resp_err_t error, std::size_t bytes, DeliveryLog& log) {
    char text[512] = "";
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
      // Of a message it says only that the client has come to an end.
      const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(handle_->get(), text, sizeof text);
      if (is_fencing(cause)) error = cause;
    }
    if (is_fencing(error)) handle_->note_fenced();
    Status status = to_status(error, text);
    log.failed(bytes, status);
    return status;
  }

  std::shared_ptr<LibrdkafkaHandle> handle_;
};

}  // namespace

Result<std::shared_ptr<LibrdkafkaHandle>> producer_handle(const Configuration& configuration) {
  auto handle = LibrdkafkaHandle::make(RD_KAFKA_PRODUCER, configuration, &on_delivery);
  if (!handle) return handle.error();
  return std::shared_ptr<LibrdkafkaHandle>{*std::move(handle)};
}

std::unique_ptr<Producer> producer_on(std::shared_ptr<LibrdkafkaHandle> handle) {
  return std::make_unique<LibrdkafkaProducer>(std::move(handle));
}

Result<std::unique_ptr<Producer>> librdkafka_producer(const Configuration& configuration) {
  auto handle = producer_handle(configuration);
  if (!handle) return handle.error();
  return producer_on(*std::move(handle));
}

}  // namespace millstream::inline v0::kafka::detail
