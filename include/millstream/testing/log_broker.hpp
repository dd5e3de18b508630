// LogBroker: a log in memory that behaves as Kafka's brokers do towards a transactional client: partitions,
// transactions with markers, fencing by transactional id, offsets of groups that become visible with a transaction,
// readers that see committed records alone. What goes wrong, and how long things take, is drawn from a seed. A job
// under the simulator talks to it by LogSource and LogSink (testing/log_connector.hpp); a client of a real log can be
// simulated by it, too.
//
// Every call may come from any thread. Time passes as callers say by at(), with each request, and while they wait().
#pragma once

#include <atomic>
#include <boost/describe/class.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/random.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0::testing {

struct LogRecord {
  std::string key;
  std::string value;
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};
BOOST_DESCRIBE_STRUCT(LogRecord, (), (key, value, partition, offset))

struct LogPartition {
  std::string topic;
  std::uint32_t partition = 0;
  friend auto operator<=>(const LogPartition&, const LogPartition&) = default;
};

/// What a group has committed for a partition.
struct LogOffset {
  std::uint64_t offset = 0;
  std::string metadata;
};
using LogOffsets = std::map<LogPartition, LogOffset>;

/// One life of a transactional id: whoever initialises the id next fences it.
struct LogProducer {
  std::string id;
  std::uint64_t epoch = 0;
};

/// What a request came to.
enum class LogReply {
  kOk,
  kTimedOut,        ///< it may have been done, may still be, or never: repeat the same
  kUnavailable,     ///< it was not done: repeat
  kConcurrent,      ///< an earlier transaction of this id has not ended yet: repeat
  kUnstable,        ///< offsets of a transaction that has not ended: repeat
  kFenced,          ///< another producer has the id, or the broker aborted the transaction for its age
  kInvalidState,    ///< no such transaction
  kDeliveryFailed,  ///< a record that was taken has not arrived: only an abort is left
  kOutOfRange,      ///< no record was or will be at this offset, or none is any more
  kCutOff,          ///< this process is cut off; nothing was done
};

/// Chances, each of one request.
struct LogFaults {
  double request_lost = 0;      ///< timed out, and it was not done
  double reply_lost = 0;        ///< timed out, and it was
  double request_late = 0;      ///< timed out, and it is done later: the end of a transaction
  double coordinator_away = 0;  ///< for some requests nobody answers for transactions and offsets
  double leader_away = 0;       ///< for some requests nobody answers for records
  double delivery_failed = 0;   ///< of a record in a transaction
  double duplicate_fetch = 0;   ///< a fetch begins before the place that was asked for
  double offsets_missing = 0;   ///< a group that has offsets is said to have none
  /// That an ending transaction comes one marker further at a request of anybody; small = it takes long.
  double progress = 0.7;
};

/// Where a test may have the process end, or look.
enum class LogPoint {
  kAppended,       ///< a record of a transaction is in the log
  kOffsetsAdded,   ///< offsets wait for the end of their transaction
  kEndRequested,   ///< somebody has asked for a commit; nothing has been done about it
  kEndPrepared,    ///< the commit is sure, and no marker of it is written
  kMarkerWritten,  ///< one of a commit
  kEnded,          ///< the transaction is committed as a whole
  kFenced,         ///< an id is initialised
  kOffsetsRead,
};

class MILLSTREAM_EXPORT LogBroker {
 public:
  explicit LogBroker(std::uint64_t seed = 1, LogFaults faults = {}) : faults_{faults}, random_{seed, 0x4c4f'4721} {}

  // What tests do.
  void create_topic(const std::string& topic, std::uint32_t partitions);
  /// Only more.
  void grow_topic(const std::string& topic, std::uint32_t partitions) { create_topic(topic, partitions); }
  /// Nothing more comes: readers end where the log ends.
  void end_topic(const std::string& topic);
  void set_faults(LogFaults faults);
  /// From now on every request of everybody is refused, as if the process that makes them were gone. What it had sent
  /// may still arrive. May be called from on_point.
  void cut_off() { cut_off_ = true; }
  void connect() { cut_off_ = false; }
  /// Everything that is under way comes to its end.
  void settle();
  /// What an operator or the retention of offsets does to a group: nullopt = it forgets.
  void set_offset(const std::string& group, const LogPartition& partition, std::optional<LogOffset> offset);
  /// Records from `end` on are gone, as behind an unclean election.
  void truncate(const LogPartition& partition, std::uint64_t end);
  /// What a reader of committed records sees in the end, in the order of the partition.
  [[nodiscard]] std::vector<LogRecord> committed(const LogPartition& partition);
  /// Called at each point, under the broker's lock: it may only call cut_off().
  std::function<void(LogPoint)> on_point = nullptr;

  // What any client does.
  /// The time of whoever calls next: as much as it is later than what anybody has told before passes here, too.
  void at(Timestamp now);
  /// Lets time pass, as a client does that waits for a reply.
  void wait(Duration duration);
  [[nodiscard]] std::uint32_t partitions(const std::string& topic);
  /// A record of no transaction.
  LogReply append(const LogPartition& to, const LogRecord& record);
  /// Committed records from `offset` on, at most `records_max`; `next` is where to go on. With `end`: where nothing
  /// more comes, it is set.
  LogReply fetch(const LogPartition& from, std::uint64_t offset, std::size_t records_max,
                 std::vector<LogRecord>& records, std::uint64_t& next, bool& end);
  /// The first offset that committed readers do not see: of the oldest open transaction, or the end.
  [[nodiscard]] std::uint64_t last_stable(const LogPartition& partition);

  // What a transactional client does.
  /// Fences the id's producers before, and aborts what they have open; kConcurrent until that is done.
  LogReply init(const std::string& id, Duration timeout, LogProducer& producer);
  LogReply append(const LogProducer& producer, const LogPartition& to, const LogRecord& record);
  /// Every record so far is in the log.
  LogReply flush(const LogProducer& producer);
  LogReply add_offsets(const LogProducer& producer, const std::string& group, const LogOffsets& offsets);
  LogReply end(const LogProducer& producer, bool commit);
  /// `stable`: kUnstable while a transaction that is ending, or open, holds newer ones.
  LogReply offsets(const std::string& group, bool stable, LogOffsets& offsets);

 private:
  struct Transaction {
    enum class State { kOpen, kCommitting, kAborting, kEnded };
    State state = State::kOpen;
    bool commits = false;  // how it ends, or has ended
    bool broken = false;   // a record did not arrive
    std::string id;
    std::set<LogPartition> unmarked;            // partitions that wait for its marker
    std::map<std::string, LogOffsets> offsets;  // by group, not yet visible
    Timestamp started;
  };
  struct Entry {
    LogRecord record;
    std::optional<std::size_t> transaction;
    bool marker = false;
  };
  struct Topic {
    std::vector<std::vector<Entry>> partitions;
    bool ended = false;
  };
  struct Id {
    std::uint64_t epoch = 0;
    Duration timeout{0};
    std::optional<std::size_t> current;  // the transaction that has not ended
    bool last_committed = false;
    bool ended_any = false;  // of this epoch
  };
  struct LateEnd {
    LogProducer producer;
    bool commit;
  };

  void reach(LogPoint point);
  void progress();
  void advance(Transaction& transaction);
  void apply_offsets();
  void abort_old();
  std::optional<LogReply> request(bool coordinator);
  LogReply end_now(const LogProducer& producer, bool commit);
  Transaction& begin_or_current(Id& id, const std::string& name);
  [[nodiscard]] bool hidden(const LogPartition& where, const Entry& entry) const;
  [[nodiscard]] std::uint64_t stable_end(const LogPartition& partition);
  std::vector<Entry>& log(const LogPartition& partition);

  std::mutex mutex_;
  LogFaults faults_;
  Random random_;
  Timestamp now_{};          // as time has passed for anybody
  Timestamp callers_now_{};  // the latest that a caller has told
  std::atomic<bool> cut_off_{false};
  std::map<std::string, Topic> topics_;
  std::map<std::string, Id> ids_;
  std::map<std::string, LogOffsets> groups_;
  std::vector<Transaction> transactions_;
  std::deque<LateEnd> late_;
  std::deque<std::pair<std::string, LogOffsets>> unapplied_;  // by group; their transactions have ended
  std::uint32_t coordinator_away_ = 0;                        // requests for which it still is
  std::uint32_t leader_away_ = 0;
};

}  // namespace millstream::inline v0::testing
