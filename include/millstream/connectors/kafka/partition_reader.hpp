// The part of reading a partition that does not depend on the type of its records. Users want kafka/source.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "millstream/codec/decode_error.hpp"
#include "millstream/connectors/kafka/client.hpp"
#include "millstream/connectors/kafka/message.hpp"
#include "millstream/connectors/kafka/message_view.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::kafka {

struct SourceOptions;

namespace detail {

class PartitionQueue;
struct Fetched;
class SourceConnection;
class SourceHub;

/// Bad records after which a poll returns: each costs an allocation or two.
inline constexpr std::size_t kBadRecordsMax = 256;

/// What all copies of a source share: the options, and the client library that makes each run's connection.
[[nodiscard]] MILLSTREAM_EXPORT std::shared_ptr<SourceHub> make_source_hub(SourceOptions options,
                                                                           std::shared_ptr<Client> client);

/// Connects and finds partitions and where to begin in them; the connection is in context.shared then, for the readers
/// of this run. Blocks, at most for the options' connect_timeout.
[[nodiscard]] MILLSTREAM_EXPORT Result<std::vector<Split>> list_splits(SourceHub& hub, SourceContext& context);

[[nodiscard]] inline Timestamp timestamp_of(const MessageView& message) {
  return Timestamp{std::chrono::milliseconds{message.timestamp_ms}};
}

/// Goes through the messages of one partition. Never waits. For one thread.
class MILLSTREAM_EXPORT PartitionReader {
 public:
  /// The partition context.split().id, from context.split().start on. `context` must outlive the reader.
  [[nodiscard]] static Result<std::unique_ptr<PartitionReader>> open(SourceHub& hub, SplitContext& context);
  ~PartitionReader();
  PartitionReader(const PartitionReader&) = delete;
  PartitionReader& operator=(const PartitionReader&) = delete;

  /// Allows to ask the client once more.
  void begin_poll() noexcept { may_fetch_ = true; }
  /// The next message; null where there is none now: see outcome(). Views of the one before become invalid.
  [[nodiscard]] const MessageView* next() {
    if (taken_ == fetched_ && !refill()) return nullptr;
    return take();
  }
  /// What a poll came to for which next() has returned null.
  [[nodiscard]] const Result<Poll>& outcome() const noexcept { return outcome_; }

  void append_headers(const MessageView& message, std::vector<Header>& headers) const;
  [[nodiscard]] DeadLetter letter(const MessageView& message, DecodeError error) const;
  [[nodiscard]] const std::string& topic() const noexcept { return topic_; }
  [[nodiscard]] std::int32_t partition() const noexcept { return partition_; }
  /// Behind the last message that next() has returned, and behind what stood at the end of the partition instead of
  /// one.
  [[nodiscard]] Position position() const { return {static_cast<std::uint64_t>(next_offset_), detail_}; }

 private:
  PartitionReader(SplitContext& context, const SourceOptions& options);

  [[nodiscard]] bool refill();
  [[nodiscard]] const MessageView* take();
  [[nodiscard]] bool serve_client();
  void handle(const Fetched& fetched);
  /// Offsets up to `offset` are done with.
  void move_to(std::int64_t offset);
  void report_lag();
  void handle_out_of_range(const Status& cause);
  void fail(const Status& status);

  SplitContext& context_;
  const SourceOptions& options_;  // the hub's
  std::string topic_;
  std::int32_t partition_ = 0;
  std::shared_ptr<SourceConnection> connection_;
  std::unique_ptr<PartitionQueue> queue_;
  std::int64_t next_offset_ = 0;
  std::string detail_;            // of positions
  std::int64_t end_offset_ = -1;  // where to stop; -1 = never
  std::uint64_t skipped_offsets_ = 0;
  std::int64_t last_timestamp_ms_ = -1;  // of the messages given out
  std::int64_t lag_reported_ns_ = 0;
  bool may_fetch_ = false;
  bool at_end_ = false;  // of the partition as far as the client has seen it
  bool moved_ = false;   // by on_out_of_range, and where to is not known yet: next_offset_ is where it could not go on
  Result<Poll> outcome_ = Poll::more();
  std::size_t fetched_ = 0;
  std::size_t taken_ = 0;
  std::array<MessageView, kBatchRecordsMax> messages_;
};

}  // namespace detail
}  // namespace millstream::inline v0::kafka
