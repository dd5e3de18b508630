// OpenLoop: records on a schedule that is fixed before the run, to measure the latency of any dataflow. Record i is due
// i / rate behind the start; one that is sent late keeps its due time, so a stall shows in the latency of everything
// that fell due meanwhile (no coordinated omission: Gil Tene, "How NOT to Measure Latency"). With LatencyRecorder
// (testing/latency_recorder.hpp):
//
//   kit::OpenLoop load{{.rate = 100'000, .duration = 10s, .warmup = 2s}};
//   kit::LatencyRecorder latency{load};
//   flow.from(load.source([](const kit::Arrival& a) { return Order{.user = a.number % 1000, .due_ns = a.due_ns}; }))
//       .key_by(&Order::user).reduce(add).to(latency.sink(&Order::due_ns));
//   if (ms::run(flow, {.shards = 1}).ok()) std::puts(latency.histogram().hgrm().c_str());
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/core/clock.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::testing {

/// When records are due, counted from the start of the schedule. Arithmetic alone: it knows no clock.
class MILLSTREAM_EXPORT ArrivalSchedule {
 public:
  /// `rate`: records a second, above 0.
  explicit ArrivalSchedule(double rate) noexcept : interval_ns_{1e9 / rate} {}
  /// Nanoseconds from the start to the instant at which a record is due, rounded down.
  [[nodiscard]] std::int64_t offset_ns(std::uint64_t number) const noexcept {
    return static_cast<std::int64_t>(static_cast<double>(number) * interval_ns_);
  }
  /// Records that are due `elapsed_ns` behind the start: numbers below it have an offset of at most that.
  [[nodiscard]] std::uint64_t due_by(std::int64_t elapsed_ns) const noexcept;

 private:
  double interval_ns_;
};

/// Who waits for the instants at which records are due.
enum class Pacing {
  /// The shards that read the source's splits, between their other work. Needs no further core.
  kShard,
  /// A thread of its own, which spins and wakes the shards, as records do that come in from elsewhere. It is pinned to
  /// the last core that the thread which starts the job may use: leave that core free. Not for the simulator.
  kThread,
};

struct OpenLoopOptions {
  double rate = 0;  ///< records a second of all splits together, above 0
  /// Time in which records fall due whose latency counts, behind `warmup`, in which it does not.
  std::chrono::nanoseconds duration = std::chrono::seconds{10};
  std::chrono::nanoseconds warmup = std::chrono::seconds{1};
  std::uint32_t splits = 1;  ///< record i belongs to split i modulo splits: as many as the job's shards, at the most
  Pacing pacing = Pacing::kShard;
};

/// A record that is to be made now.
struct Arrival {
  std::uint64_t number;    ///< from 0
  std::int64_t due_ns;     ///< when it is due, as Clock::monotonic_ns(): to be carried along to the LatencyRecorder
  std::int64_t offset_ns;  ///< the same, counted from the start of the schedule
  /// An event time that is the same in each run: the offset, counted from 1970-01-01T00:00Z.
  [[nodiscard]] Timestamp event_time() const noexcept { return Timestamp{Duration{offset_ns / 1000}}; }
};

namespace detail {

/// What all that belongs to one OpenLoop shares. Any thread.
struct MILLSTREAM_EXPORT OpenLoopState {
  explicit OpenLoopState(const OpenLoopOptions& wanted);
  [[nodiscard]] Status check() const;

  const OpenLoopOptions options;
  const ArrivalSchedule schedule;
  const std::uint64_t records;                 // that a run sends
  std::atomic<std::int64_t> start_ns;          // when record 0 is due (monotonic); kNeverNs before a run has begun
  std::atomic<Clock*> clock;                   // of the newest run's job
  std::atomic<std::int64_t> pacing_cpu_ns{0};  // of the newest run's pacing thread
};

class OpenLoopRun;

/// One split of one run: which records it sends, and when. The shard's thread.
class MILLSTREAM_EXPORT OpenLoopSplit {
 public:
  explicit OpenLoopSplit(std::shared_ptr<OpenLoopState> state) : state_{std::move(state)} {}

  [[nodiscard]] Result<std::vector<Split>> splits(SourceContext& context) const;
  [[nodiscard]] Status open(SplitContext& context);
  /// Records, at most `room`, that are to be made now.
  [[nodiscard]] std::uint64_t due(std::size_t room);
  /// The next of them.
  [[nodiscard]] Arrival take() noexcept {
    const std::uint64_t number = next_;
    next_ += state_->options.splits;
    const std::int64_t offset_ns = state_->schedule.offset_ns(number);
    return {number, start_ns_ + offset_ns, offset_ns};
  }
  /// Behind the last one that there was room for: when to ask again.
  [[nodiscard]] Poll wait();
  /// The offset counts the records of the split.
  [[nodiscard]] Position position() const { return {(next_ - first_) / state_->options.splits, {}}; }
  void close() { run_.reset(); }

 private:
  std::shared_ptr<OpenLoopState> state_;
  std::shared_ptr<OpenLoopRun> run_;  // while it is open
  Clock* clock_ = nullptr;
  std::int64_t start_ns_ = 0;
  std::int64_t waited_at_ns_ = -1;  // when wait() was last called
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace detail

/// What OpenLoop::source() makes.
template <class Make>
class OpenLoopSource {
 public:
  using Record = std::remove_cvref_t<std::invoke_result_t<const Make&, const Arrival&>>;
  OpenLoopSource(std::shared_ptr<detail::OpenLoopState> state, Make make)
      : split_{std::move(state)}, make_{std::move(make)} {}

  [[nodiscard]] Result<std::vector<Split>> splits(SourceContext& context) const { return split_.splits(context); }
  Status open(SplitContext& context) { return split_.open(context); }
  Poll poll(SourceOutput<Record>& out) {
    for (std::uint64_t left = split_.due(out.room()); left > 0; --left) {
      if constexpr (kOwnsHeap<Record>) {
        if (out.room() == 0) return Poll::more();
      }
      out.emit(std::as_const(make_)(split_.take()));
    }
    return split_.wait();
  }
  [[nodiscard]] Position position() const { return split_.position(); }
  void close() { split_.close(); }

 private:
  detail::OpenLoopSplit split_;
  Make make_;
};

/// A schedule, and the sources that keep to it. A value: copies share the schedule. For one dataflow, which is run as
/// often as wanted, one run at a time; each run begins the schedule anew when its first split is opened. A job that
/// restarts itself from a checkpoint goes on in the old schedule, so the time in which it was down shows.
class MILLSTREAM_EXPORT OpenLoop {
 public:
  /// Wrong options are reported when the job starts.
  explicit OpenLoop(const OpenLoopOptions& options) : state_{std::make_shared<detail::OpenLoopState>(options)} {}

  /// Sends make(arrival) for each record of the schedule: any function that is callable when const; it must depend on
  /// the arrival alone, for it is called on several shards at once.
  template <class Make>
  [[nodiscard]] OpenLoopSource<Make> source(Make make) const {
    static_assert(std::is_invocable_v<const Make&, const Arrival&>,
                  "millstream: make takes (const ms::testing::Arrival&) and returns the record; it must be callable "
                  "when const (no mutable lambda)");
    return {state_, std::move(make)};
  }

  /// Records that a run sends, those of the warm-up included.
  [[nodiscard]] std::uint64_t records() const noexcept { return state_->records; }
  /// When a record of the current or last run is due, as Clock::monotonic_ns(); kNeverNs before the first run, and for
  /// a number that is not sent.
  [[nodiscard]] std::int64_t due_ns(std::uint64_t number) const noexcept;
  /// The first record whose event time is not before t: the one that closes a window which ends at t. With several
  /// splits the others follow within `splits - 1` numbers, and the last of them closes it.
  [[nodiscard]] std::uint64_t first_at(Timestamp t) const noexcept;
  /// CPU time of the thread of Pacing::kThread in the last run that has ended.
  [[nodiscard]] std::chrono::nanoseconds pacing_cpu_time() const noexcept {
    return std::chrono::nanoseconds{state_->pacing_cpu_ns.load(std::memory_order_relaxed)};
  }

 private:
  friend class LatencyRecorder;
  std::shared_ptr<detail::OpenLoopState> state_;
};

}  // namespace millstream::inline v0::testing
