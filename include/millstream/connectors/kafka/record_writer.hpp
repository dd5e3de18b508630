// The part of writing to a topic that does not depend on the type of the records. Users want kafka/sink.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/connectors/kafka/client.hpp"
#include "millstream/connectors/kafka/message.hpp"
#include "millstream/connectors/kafka/sink_options.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/decider.hpp"
#include "millstream/io/epoch_buffer.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0::kafka::detail {

struct OutgoingMessage;
class SinkConnection;
class SinkHub;
class WriterDeliveries;

/// What a message takes in the client beside its bytes, about.
inline constexpr std::size_t kMessageBytes = 128;

/// What all copies of a sink share: the options, and while a run is on, its connection.
[[nodiscard]] MILLSTREAM_EXPORT std::shared_ptr<SinkHub> make_sink_hub(WriterOptions options,
                                                                       std::shared_ptr<Client> client);

/// Of one run; null where the options leave the decision to the engine.
[[nodiscard]] MILLSTREAM_EXPORT std::shared_ptr<Decider> make_decider(const std::shared_ptr<SinkHub>& hub);

/// One shard's messages on their way. With a decider those of an epoch that may not pass yet wait here. Waits in
/// wait_for_deliveries() alone, and in drained() for a millisecond. For one thread.
class MILLSTREAM_EXPORT RecordWriter {
 public:
  /// Connects, where no other shard has: blocks, at most for the options' connect_timeout. `context` must outlive it.
  /// `decider`: that of the run, from make_decider() of this sink or of one that decides for it, which has connected;
  /// or null. `hub` must outlive the writer.
  [[nodiscard]] static Result<std::unique_ptr<RecordWriter>> open(SinkHub& hub, SinkContext& context,
                                                                  const std::shared_ptr<Decider>& decider = nullptr);
  /// What was not delivered is given up.
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  /// One more message may be added. Where not, the sink's waker is called when that has changed.
  [[nodiscard]] bool has_room() { return waiting_bytes_ + added_bytes() < room_bytes_ || look_for_room(); }

  // A message is what stands between begin() and end(). Without key(), has_value(), ... it has none.
  void begin() { added_.emplace_back().key_at = bytes_.size(); }
  void key(std::string_view key) {
    bytes_.append(key);
    added_.back().has_key = true;
  }
  void header(Header header);
  /// send() refuses what is before 1970: Kafka has no such timestamps.
  void timestamp(Timestamp time) {
    const std::int64_t ms = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
    before_1970_ |= ms < 0;
    added_.back().timestamp_ms = std::max<std::int64_t>(ms, 1);  // the client takes 0 for "now"
  }
  /// Negative = by the key.
  void partition(std::int32_t partition) { added_.back().partition = partition; }
  /// Where the value is to be appended; behind key().
  [[nodiscard]] std::string& value_bytes() {
    added_.back().value_at = bytes_.size();
    return bytes_;
  }
  void has_value() { added_.back().has_value = true; }
  void end() { added_.back().end_at = bytes_.size(); }

  /// Gives to the client what had to wait and may pass now. Before anything is added.
  [[nodiscard]] Status pass();
  /// Gives what was added to the client, or keeps it for its epoch.
  [[nodiscard]] Status send();
  /// Deals with what has become of messages; an error where one was not delivered.
  [[nodiscard]] Status serve();
  /// Nothing waits here any more, and while the context is draining, what was sent is there, as far as the guarantee
  /// says so. Where not, the sink's waker is called when it is.
  [[nodiscard]] Result<bool> drained();
  /// A barrier, behind drained(): what is added from now on belongs to the next epoch. By whom this one is committed;
  /// empty without a decider.
  [[nodiscard]] std::string barrier();
  /// Returns when the brokers have answered for every message. The client gives each up at its message.timeout.ms.
  [[nodiscard]] Status wait_for_deliveries();

 private:
  struct Added {
    std::size_t key_at = 0;
    std::size_t value_at = 0;
    std::size_t end_at = 0;
    std::size_t headers = 0;
    std::int64_t timestamp_ms = -1;
    std::int32_t partition = -1;
    bool has_key = false;
    bool has_value = false;
  };
  /// What one send() was about, waiting for its epoch. As a whole: a message alone would take memory of its own.
  struct Waiting {
    std::string bytes;
    std::vector<Added> added;
    std::vector<Header> headers;
    std::size_t size = 0;  // as the limit counts it
  };
  RecordWriter(const WriterOptions& options, std::shared_ptr<SinkConnection> connection, SinkContext& context);
  /// Of what was added, as the limit counts them.
  [[nodiscard]] std::size_t added_bytes() const noexcept {
    return bytes_.size() + header_bytes_ + added_.size() * kMessageBytes;
  }
  [[nodiscard]] bool look_for_room();
  void keep_added();
  /// `bytes`: of the headers, too.
  [[nodiscard]] Status produce(std::string_view text, std::span<const Added> added, std::span<const Header> headers,
                               std::size_t bytes);
  void forget_added();

  const WriterOptions& options_;                // the hub's
  std::shared_ptr<SinkConnection> connection_;  // also of other sinks
  SinkContext& context_;
  std::shared_ptr<WriterDeliveries> deliveries_;
  std::string bytes_;  // of what was added
  std::vector<Added> added_;
  std::vector<Header> headers_;
  std::size_t header_bytes_ = 0;
  std::vector<OutgoingMessage> outgoing_;        // keeps its memory
  std::size_t room_bytes_ = 0;                   // that there was at the last look, and since then can only be more
  std::optional<EpochBuffer<Waiting>> waiting_;  // with a decider
  std::string transactional_id_;
  std::size_t waiting_bytes_ = 0;    // as the limit counts them
  bool was_shut_ = false;            // since the newest barrier: there was room beyond what the client may have
  bool pass_again_ = false;          // the newest pass() has given the client as much as one call may
  std::int64_t flush_again_ns_ = 0;  // monotonic
  bool before_1970_ = false;
};

}  // namespace millstream::inline v0::kafka::detail
