// What source and sink need of a client library: the seam behind which librdkafka stands, or a log broker that is
// simulated. Calls with a timeout block, and but for flush() and those of transactions belong to the start or the end
// of a run; all others return at once and may come from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/configuration.hpp"
#include "millstream/connectors/kafka/message.hpp"
#include "millstream/connectors/kafka/message_view.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::kafka::detail {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
};

struct TopicInfo {
  std::string name;
  std::int32_t partitions = 0;
};

/// Which offset of a partition is asked for: of the first message at or behind an instant (in ms), or one of these.
inline constexpr std::int64_t kEarliestOffset = -2;
inline constexpr std::int64_t kLatestOffset = -1;

/// What a group has committed for a partition.
struct CommittedOffset {
  std::int64_t offset = 0;
  std::string metadata = {};  ///< of whoever committed it
};

/// What a fetch brought, in the order of the log.
struct Fetched {
  std::size_t messages = 0;
  /// What stands here instead of a message; with messages it is kNothing.
  enum class Event {
    kNothing,
    kEnd,         ///< the partition's end for now; `offset` is the next one
    kOutOfRange,  ///< the offset is not there; reading stands until restart_at()
    kFailed,      ///< the partition cannot be read
  };
  Event event = Event::kNothing;
  std::int64_t offset = 0;
  Status status = {};  ///< with kOutOfRange and kFailed
};

/// One partition being read; for one thread. Its destructor stops the reading.
class PartitionQueue {
 public:
  virtual ~PartitionQueue() = default;
  /// Messages that are here already. Their views stay valid until the next call. Nothing at all: the function given to
  /// Consumer::read() is called when there is something.
  [[nodiscard]] virtual Fetched fetch(std::span<MessageView> messages) = 0;
  virtual void append_headers(const MessageView& message, std::vector<Header>& headers) const = 0;
  /// Where the partition ended when the client last asked; negative = it does not know yet.
  [[nodiscard]] virtual std::int64_t end_offset() const = 0;
  /// Goes on at kEarliestOffset or kLatestOffset. What was fetched before does not come any more.
  [[nodiscard]] virtual Status restart_at(std::int64_t offset) = 0;
};

/// What consumers and producers have in common.
class ClientHandle {
 public:
  virtual ~ClientHandle() = default;
  /// Deals with what the client has to say: log messages, lost brokers, delivered messages. An error is one that trying
  /// again has no use for; it is returned from then on.
  [[nodiscard]] virtual Status serve(const LogHook& log) = 0;
  /// serve() has something to do.
  [[nodiscard]] virtual bool has_events() const = 0;
  /// Is called, from a thread of the client, when has_events() becomes true. It must be quick.
  virtual void on_events(std::function<void()> notify) = 0;
};

class Consumer : public ClientHandle {
 public:
  /// Of the cluster, as brokers say it: the same whichever of them were named, and how.
  [[nodiscard]] virtual Result<std::string> cluster_id(std::chrono::milliseconds timeout) = 0;
  /// The named topics, all of which must exist.
  [[nodiscard]] virtual Result<std::vector<TopicInfo>> topics(std::span<const std::string> names,
                                                              std::chrono::milliseconds timeout) = 0;
  /// All topics whose names are wanted.
  [[nodiscard]] virtual Result<std::vector<TopicInfo>> matching_topics(
      const std::function<bool(const std::string&)>& wanted, std::chrono::milliseconds timeout) = 0;
  /// For each partition the offset that `wanted` (an instant in ms, kEarliestOffset, kLatestOffset) asks for;
  /// kLatestOffset where no message is as late.
  [[nodiscard]] virtual Result<std::vector<std::int64_t>> offsets(std::span<const TopicPartition> partitions,
                                                                  std::int64_t wanted,
                                                                  std::chrono::milliseconds timeout) = 0;
  /// What the configured group has committed. With isolation.level=read_committed a transaction that is about to do so
  /// is waited for.
  [[nodiscard]] virtual Result<std::vector<std::optional<CommittedOffset>>> committed(
      std::span<const TopicPartition> partitions, std::chrono::milliseconds timeout) = 0;
  /// Begins to read a partition that nobody reads. `notify` as with on_events().
  [[nodiscard]] virtual Result<std::unique_ptr<PartitionQueue>> read(const TopicPartition& partition,
                                                                     std::int64_t offset,
                                                                     std::function<void()> notify) = 0;
};

/// What a header counts for beside its value: its name, and what the client keeps of it, about.
inline constexpr std::size_t kHeaderBytes = 64;

/// A message to be sent. The client copies all of it.
struct OutgoingMessage {
  std::string_view value = {};
  std::string_view key = {};
  bool has_value = true;
  bool has_key = false;
  std::int32_t partition = -1;     ///< -1 = by the key, as the Java client does; without key any
  std::int64_t timestamp_ms = -1;  ///< positive; -1 = when it is sent
  std::span<const Header> headers = {};

  /// What it counts for.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t all = key.size() + value.size();
    for (const Header& header : headers) all += kHeaderBytes + (header.value ? header.value->size() : 0);
    return all;
  }
};

/// What became of the messages of one writer; `bytes` is what OutgoingMessage::bytes() was. Written by whoever serves
/// the producer.
class DeliveryLog {
 public:
  virtual ~DeliveryLog() = default;
  /// `bytes`: of all of these messages together.
  virtual void delivered(std::size_t messages, std::size_t bytes) = 0;
  virtual void failed(std::size_t bytes, Status cause) = 0;
};

class Producer : public ClientHandle {
 public:
  /// The topic exists and brokers answer; how many partitions it has.
  [[nodiscard]] virtual Result<std::int32_t> partitions(const std::string& topic,
                                                        std::chrono::milliseconds timeout) = 0;
  /// Takes the messages in their order. Where one is refused, which none that fits the limits of the configuration is,
  /// those behind it may have been taken. `log` hears of every one that was taken, and outlives the producer's work.
  [[nodiscard]] virtual Status produce(const std::string& topic, std::span<const OutgoingMessage> messages,
                                       DeliveryLog& log) = 0;
  /// Sends what is waiting for company, for up to `slice`, and serves what is reported meanwhile.
  virtual void flush(std::chrono::milliseconds slice) = 0;
  /// Drops what was not delivered; its log hears of it as failed.
  virtual void purge() = 0;
};

/// What a call of a transaction came to; the classes of the protocol's table of errors.
struct TransactionReply {
  enum class Outcome {
    kOk,
    kRetriable,  ///< nobody knows yet: only the same call may follow
    kAbortable,  ///< of the transaction only an abort is left
    kFenced,     ///< another client has begun with the id, or brokers have aborted the transaction for its age
    kFatal,      ///< the client is of no use any more
  };
  Outcome outcome = Outcome::kOk;
  Status status = {};  ///< why it is not kOk
  /// Since the call before, a connection has: what was sent by it may have been sent again by another one, and the
  /// first be under way still. Not every loss is told.
  bool connection_lost = false;

  [[nodiscard]] bool ok() const { return outcome == Outcome::kOk; }
};

struct OffsetToCommit {
  TopicPartition partition;
  std::int64_t offset = 0;
};

/// The transactions of one transactional.id, one after the other. Its calls come from one thread at a time, and each
/// waits for brokers up to `timeout`, send_offsets() also longer while the group's coordinator is away.
class Transactions {
 public:
  virtual ~Transactions() = default;
  /// Writes into the transaction, between begin() and commit() or abort(). Lives as long as this.
  [[nodiscard]] virtual Producer& producer() = 0;
  /// Once, first: no client that has begun with the id before can commit anything any more; what it has left open is
  /// aborted, and what it is committing is committed.
  [[nodiscard]] virtual TransactionReply init(std::chrono::milliseconds timeout) = 0;
  /// Asks no broker.
  [[nodiscard]] virtual TransactionReply begin() = 0;
  /// With the commit, `group` has committed `offsets`, all with `metadata`.
  [[nodiscard]] virtual TransactionReply send_offsets(const std::string& group, std::span<const OffsetToCommit> offsets,
                                                      const std::string& metadata,
                                                      std::chrono::milliseconds timeout) = 0;
  [[nodiscard]] virtual TransactionReply commit(std::chrono::milliseconds timeout) = 0;
  [[nodiscard]] virtual TransactionReply abort(std::chrono::milliseconds timeout) = 0;
  /// Some call was answered with kFenced, or a message that is written into the transaction was.
  [[nodiscard]] virtual bool fenced() = 0;
};

class Client {
 public:
  virtual ~Client() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<Consumer>> consumer(const Configuration& configuration) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Producer>> producer(const Configuration& configuration) = 0;
  /// The configuration has a transactional.id.
  [[nodiscard]] virtual Result<std::unique_ptr<Transactions>> transactions(const Configuration& configuration) = 0;
};

}  // namespace millstream::inline v0::kafka::detail
