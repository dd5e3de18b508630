// What a sink is: a plain struct that takes records. The engine copies the struct once for each shard (so what all
// copies share stands behind a shared_ptr) and calls every member on that shard's thread.
//
//   struct Print {
//     void write(const Order& order) { std::puts(order.id.c_str()); }
//   };
//
// Members, all but one write optional:
//
//   open(SinkContext&)       void or Status; before the first write
//   write(const T&)          void or Status; takes every record
//   write(std::span<T>)      std::size_t or Result<std::size_t>; takes the first n records. Fewer than given means "no
//                            room now": it is called again with the rest after context.retry_at(t), or when
//                            context.waker() is called
//   flush()                  void or Status; the input has paused: what is buffered should become visible; called again
//                            about once a second while nothing comes
//   close(SinkEnd)           void or Status; once; says whether the input ended or was cut off
//
// A sink that takes part in checkpoints publishes nothing but by commit(), in a job that has them
// (context.checkpointed()):
//
//   prepare()                std::string or Result<std::string>; makes everything durable that was written and is not
//                            yet committed, and returns the handle by which it is found again, also by another process.
//                            A checkpoint that fails is not told: the next prepare covers its output too
//   commit(const std::string& handle)
//                            void or Status; makes visible what the newest prepare() covered. May come again after a
//                            crash, when all or some of it is visible already
//   recover(SinkContext&, std::span<const std::string> commit, std::span<const std::string> abort)
//                            void or Status; on one copy of the sink, before any copy is opened: commits the handles
//                            that were decided, drops what was prepared and not decided, and what no handle names
//
// Without prepare and commit a sink in such a job is at-least-once. One that takes records which are not safe yet has
//
//   drain()                  bool or Result<bool>; sends what was taken and had to wait, true when nothing waits any
//                            more. Called again until then when context.waker() was used, or at context.retry_at().
//                            While context.draining() a barrier or the end waits for it, and with them prepare():
//                            then true says that everything which was taken is safe
//
// A sink that can commit what it was given, but cannot first prepare it and commit later (a transactional producer),
// decides for the whole job: at its commit the checkpoint counts. A job may have several such sinks only where they
// share one transaction (Decider::join). Members beside prepare and commit, which then only names who commits and hears
// of it:
//
//   make_decider() const     std::shared_ptr<D> with a D that derives from ms::Decider (io/decider.hpp); for each run
//                            one, for all copies of the sink. Does nothing but make it: it is fence() that connects.
//                            Null where the sink as it is configured leaves the decision to the engine
//   decide_by(std::shared_ptr<D>)
//                            void; before open(), on each copy: the one of this run. Not called without checkpoints
//   drain()                  as above; here it waits for the next transaction, too (io/epoch_buffer.hpp)
//
// What makes a sink for streams of any type has instead the member `template <class T> auto for_records() const`, which
// returns the sink for records of type T.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "millstream/core/clock.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/waker.hpp"

namespace millstream::inline v0 {

class FileSystem;

/// How a sink's input ended.
enum class SinkEnd {
  kFinished,  ///< everything that was to come has come: publish it
  kAborted,   ///< the job failed or was cancelled: what is not yet published must not become visible
};

/// What a sink may use from open() to close(). It stays at its address.
class SinkContext {
 public:
  SinkContext(std::string stage, std::uint32_t shard, std::uint32_t shards, FileSystem& file_system, Clock& clock,
              LogHook log, Waker waker)
      : stage_{std::move(stage)},
        shard_{shard},
        shards_{shards},
        file_system_{file_system},
        clock_{clock},
        log_{std::move(log)},
        waker_{std::move(waker)} {}

  [[nodiscard]] const std::string& stage() const { return stage_; }
  /// Number of this copy, from 0 to shards() - 1.
  [[nodiscard]] std::uint32_t shard() const { return shard_; }
  [[nodiscard]] std::uint32_t shards() const { return shards_; }
  [[nodiscard]] FileSystem& file_system() const { return file_system_; }
  [[nodiscard]] Clock& clock() const { return clock_; }
  [[nodiscard]] const Waker& waker() const { return waker_; }
  /// The job takes checkpoints: what is written becomes visible by commit() alone.
  [[nodiscard]] bool checkpointed() const { return checkpointed_; }
  /// It goes on from one: output of earlier runs is there and stays.
  [[nodiscard]] bool restored() const { return restored_; }
  void set_checkpoints(bool checkpointed, bool restored) {
    checkpointed_ = checkpointed;
    restored_ = restored;
  }
  /// A barrier or the end of the input has come, and waits for drain().
  [[nodiscard]] bool draining() const { return draining_; }
  /// The engine, around drain().
  void set_draining(bool draining) { draining_ = draining; }
  /// With a short write(span) or a drain() that is not through: when to call again (wall clock, kTimestampMin = in the
  /// next step; setting the clock later does not move it). Without it the engine asks again after 1 ms.
  void retry_at(Timestamp t) {
    retry_at_ = t;
    retry_at_ns_ = monotonic_at(clock_, t);
  }
  [[nodiscard]] Timestamp retry_at() const { return retry_at_; }
  /// The same as Clock::monotonic_ns(), for the engine.
  [[nodiscard]] std::int64_t retry_at_ns() const { return retry_at_ns_; }
  /// The engine, ahead of a write or drain: what an earlier one asked for is over.
  void forget_retry() { retry_at_ns_ = 0; }
  void log(LogLevel level, std::string_view message) const {
    if (log_) log_(level, message);
  }

 private:
  std::string stage_;
  std::uint32_t shard_;
  std::uint32_t shards_;
  FileSystem& file_system_;
  Clock& clock_;
  LogHook log_;
  Waker waker_;
  bool checkpointed_ = false;
  bool restored_ = false;
  bool draining_ = false;
  Timestamp retry_at_ = kTimestampMin;
  std::int64_t retry_at_ns_ = 0;
};

}  // namespace millstream::inline v0
