// Transactions by librdkafka.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "connectors/kafka/errors.hpp"
#include "connectors/kafka/librdkafka_client.hpp"
#include "connectors/kafka/librdkafka_producer.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

using Outcome = TransactionReply::Outcome;
using Error = std::unique_ptr<rd_kafka_error_t, Destroyer<rd_kafka_error_t, &rd_kafka_error_destroy>>;
using GroupMetadata =
    std::unique_ptr<rd_kafka_consumer_group_metadata_t,
                    Destroyer<rd_kafka_consumer_group_metadata_t, &rd_kafka_consumer_group_metadata_destroy>>;

int ms(std::chrono::milliseconds timeout) { return static_cast<int>(timeout.count()); }

class LibrdkafkaTransactions final : public Transactions {
 public:
  explicit LibrdkafkaTransactions(std::shared_ptr<LibrdkafkaHandle> handle)
      : handle_{std::move(handle)}, producer_{producer_on(handle_)} {}

  Producer& producer() override { return *producer_; }
  TransactionReply init(std::chrono::milliseconds timeout) override {
    return reply(rd_kafka_init_transactions(handle_->get(), ms(timeout)));
  }
  TransactionReply begin() override { return reply(rd_kafka_begin_transaction(handle_->get())); }
  TransactionReply send_offsets(const std::string& group, std::span<const OffsetToCommit> offsets,
                                const std::string& metadata, std::chrono::milliseconds timeout) override {
    const PartitionList list{rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size()))};
    for (const OffsetToCommit& each : offsets) {
      rd_kafka_topic_partition_t* native =
          rd_kafka_topic_partition_list_add(list.get(), each.partition.topic.c_str(), each.partition.partition);
      native->offset = each.offset;
      native->metadata = std::malloc(metadata.size());  // the list frees it
      if (native->metadata == nullptr) {
        // Offsets without it would be none of the job's decisions for the next run.
        return {Outcome::kAbortable, {ErrorCode::kUnavailable, "no memory for the name of the checkpoint"}};
      }
      std::memcpy(native->metadata, metadata.data(), metadata.size());
      native->metadata_size = metadata.size();
    }
    // Without generation and member: what fences is the transactional.id alone.
    const GroupMetadata member{rd_kafka_consumer_group_metadata_new(group.c_str())};
    return reply(rd_kafka_send_offsets_to_transaction(handle_->get(), list.get(), member.get(), ms(timeout)));
  }
  TransactionReply commit(std::chrono::milliseconds timeout) override {
    return reply(rd_kafka_commit_transaction(handle_->get(), ms(timeout)));
  }
  TransactionReply abort(std::chrono::milliseconds timeout) override {
    // What has failed is why it is aborted, and no reason to give that up.
    return reply(rd_kafka_abort_transaction(handle_->get(), ms(timeout)), false);
  }
  bool fenced() override {
    // What is final it tells, and what became of messages, when it is served.
    static_cast<void>(handle_->look());
    return handle_->fenced();
  }

 private:
  TransactionReply reply(rd_kafka_error_t* made, bool ends_by_failure = true) {
    const Error error{made};
    // Not only for the answers: what is final may be the reason for which none came.
    Status final = handle_->look();
    TransactionReply reply = reply_of(error.get(), std::move(final), ends_by_failure);
    if (reply.outcome == Outcome::kFenced) handle_->note_fenced();
    const std::uint64_t lost = handle_->lost_connections();
    reply.connection_lost = lost != std::exchange(lost_before_, lost);
    return reply;
  }
  static TransactionReply reply_of(const rd_kafka_error_t* error, Status final, bool ends_by_failure) {
    if (error == nullptr) return {};
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    Status status = to_status(code, rd_kafka_error_string(error));
    if (rd_kafka_error_is_fatal(error) != 0) {
      return {is_fencing(code) ? Outcome::kFenced : Outcome::kFatal, std::move(status)};
    }
    if (rd_kafka_error_txn_requires_abort(error) != 0) return {Outcome::kAbortable, std::move(status)};
    const bool retriable = rd_kafka_error_is_retriable(error) != 0 || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!retriable) return {Outcome::kFatal, std::move(status)};
    if (!final.ok() && ends_by_failure) return {Outcome::kFatal, std::move(final)};
    return {Outcome::kRetriable, std::move(status)};
  }

  std::shared_ptr<LibrdkafkaHandle> handle_;
  std::unique_ptr<Producer> producer_;
  std::uint64_t lost_before_ = 0;  // connections
};

}  // namespace

Result<std::unique_ptr<Transactions>> librdkafka_transactions(const Configuration& configuration) {
  auto handle = producer_handle(configuration);
  if (!handle) return handle.error();
  return std::unique_ptr<Transactions>{std::make_unique<LibrdkafkaTransactions>(*std::move(handle))};
}

}  // namespace millstream::inline v0::kafka::detail
