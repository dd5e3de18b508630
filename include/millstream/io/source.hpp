// What a source is: a plain struct that lists splits and reads one of them. The engine copies the struct once for
// each split and calls every member on the shard that owns the split.
//
//   struct Counter {
//     std::uint64_t next = 0, end = 1000;
//     ms::Poll poll(ms::SourceOutput<std::uint64_t>& out) {
//       while (out.room() > 0 && next < end) out.emit(next++);
//       return next < end ? ms::Poll::more() : ms::Poll::done();
//     }
//   };
//
// Members, all but poll optional:
//   Splits splits(SourceContext&) const
//                                     std::vector<Split> or Result<std::vector<Split>>; once, before the job starts
//   open(SplitContext&)               void or Status; directly before the first poll; context.split().start says where
//                                     to begin
//   poll(SourceOutput<T>&)            Poll or Result<Poll>; emits while out.room() > 0 and never waits
//   Position position() const         where the next record begins: makes the source replayable
//   OnError on_bad_record() const     what becomes of records that poll reports as bad, whatever .on_error(...) says
//   std::string reads_from() const    where the records come from, in words that a sink which decides may know
//                                     (io/decider.hpp): it can keep the positions with its decisions there
//   std::uint32_t shared_by() const   how many processes share the input, of which this one reads some splits only. Of
//                                     more than one, a key_by behind the source needs .keyed_by_partition()
//   std::uint32_t shared_as() const   which of them this one is, from 0. Then splits are partitions: their ids end in
//                                     "/<partition>", and this process reads those p with p % shared_by() ==
//                                     shared_as(). What a key_by to ms::PartitionKey needs
//   close()                           void or Status; once after open, when the split has ended or the job does
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/waker.hpp"
#include "millstream/io/dead_letter.hpp"
#include "millstream/io/split.hpp"
#include "millstream/io/split_arrivals.hpp"
#include "millstream/time/split_progress.hpp"

namespace millstream::inline v0 {

class FileSystem;

/// What a poll came to.
struct Poll {
  enum class Kind { kMore, kIdle, kDone };
  Kind kind = Kind::kMore;
  Timestamp retry_at = kTimestampMin;  ///< wall clock (setting it later does not move it); with kIdle

  /// There may be more at once.
  static Poll more() { return {Kind::kMore, kTimestampMin}; }
  /// Nothing now: ask again soon (the engine backs off to 20 ms).
  static Poll idle() { return {Kind::kIdle, kTimestampMin}; }
  /// Nothing before `t` (wall clock).
  static Poll idle_until(Timestamp t) { return {Kind::kIdle, t}; }
  /// Nothing until the split's Waker is called.
  static Poll waiting() { return {Kind::kIdle, kTimestampMax}; }
  /// The split has ended.
  static Poll done() { return {Kind::kDone, kTimestampMin}; }
};

/// What a source may use while it lists its splits.
struct SourceContext {
  std::string name;         ///< of the source's stage
  FileSystem* file_system;  ///< never null
  Clock* clock;             ///< never null
  std::uint64_t seed;       ///< of the job; for sources that need randomness
  /// The job goes on from a checkpoint or savepoint that knows splits of this source. Where it does not know one, that
  /// split is new, and begins at the start that the source gives it.
  bool restored = false;
  /// What the splits of one run share, such as a connection: splits() may set it, and readers find it in
  /// SplitContext::shared(). It goes when the last split that was to be read has closed, at the latest with the run.
  std::shared_ptr<void> shared = {};
  /// For splits that the source finds later, while the run is on; any thread may keep it. Null: nobody takes them.
  std::shared_ptr<SplitArrivals> arrivals = {};
  /// A key_by behind the source says .keyed_by_partition().
  bool keyed_by_partition = false;
  /// For splits(): those that the job goes on in. A source whose list may be older than the checkpoint (brokers tell
  /// one another of new partitions) may look again, for a bounded time, where it does not have one of them.
  std::vector<std::string> restored_splits = {};
};

/// What the reader of one split may use from open() to close(). It stays at its address.
class SplitContext {
 public:
  /// `progress`: of all splits of the source, for report_lag(); null = nobody wants to know.
  SplitContext(SourceContext source, Split split, std::uint32_t number, LogHook log, Waker waker,
               std::shared_ptr<SplitProgress> progress = nullptr)
      : source_{std::move(source)},
        split_{std::move(split)},
        number_{number},
        log_{std::move(log)},
        waker_{std::move(waker)},
        progress_{std::move(progress)} {}

  [[nodiscard]] const std::string& source_name() const { return source_.name; }
  [[nodiscard]] const Split& split() const { return split_; }
  [[nodiscard]] std::uint32_t split_number() const { return number_; }
  [[nodiscard]] FileSystem& file_system() const { return *source_.file_system; }
  [[nodiscard]] Clock& clock() const { return *source_.clock; }
  [[nodiscard]] std::uint64_t seed() const { return source_.seed; }
  /// What splits() has set for this run; null where it has not.
  [[nodiscard]] const std::shared_ptr<void>& shared() const { return source_.shared; }
  /// For splits that the source finds while the run is on; may be null.
  [[nodiscard]] const std::shared_ptr<SplitArrivals>& arrivals() const { return source_.arrivals; }
  /// The engine, when the split needs it no more.
  void release_shared() { source_.shared.reset(); }
  /// May be kept by other threads and called at any time.
  [[nodiscard]] const Waker& waker() const { return waker_; }
  void log(LogLevel level, std::string_view message) const {
    if (log_) log_(level, message);
  }
  /// So many records of the split are there and not read yet, and the newest one read is so old (SplitStatus shows it).
  void report_lag(std::uint64_t records, Duration time) const {
    if (progress_) progress_->set_lag(number_, static_cast<std::int64_t>(records), time);
  }

 private:
  SourceContext source_;
  Split split_;
  std::uint32_t number_;
  LogHook log_;
  Waker waker_;
  std::shared_ptr<SplitProgress> progress_;
};

/// Where poll() puts its records. Valid during one call.
template <class T>
class SourceOutput {
 public:
  /// `limit` is the number of records that the batch may hold after this poll.
  SourceOutput(Batch<T>& batch, std::uint32_t limit, std::vector<DeadLetter>& bad)
      : batch_{batch}, limit_{limit}, bad_{bad} {}

  /// Records that may still be emitted in this poll. It becomes 0 at once where the strings, containers, ... of the
  /// records so far take kBatchHeapBytes: ask before each record, else memory is bounded by the number of records only.
  [[nodiscard]] std::size_t room() const noexcept {
    if constexpr (kOwnsHeap<T>) {
      if (heap_bytes_ >= kBatchHeapBytes) return 0;
    }
    return limit_ - batch_.size();
  }
  /// There must be room, or have been at the last look.
  template <class... Arguments>
  void emit(Arguments&&... arguments) {
    MILLSTREAM_ASSERT(batch_.size() < limit_);
    const T& value = batch_.emplace_back(std::forward<Arguments>(arguments)...);
    if constexpr (kOwnsHeap<T>) heap_bytes_ += heap_bytes(value);
  }
  /// With the event time that the source itself knows; `.event_time(strategy)` takes it. All records of a source are
  /// emitted with a time or all without.
  void emit_at(Timestamp time, T value) {
    MILLSTREAM_ASSERT(batch_.size() < limit_);
    batch_.times.enable()[batch_.size()] = time;
    emit(std::move(value));
  }
  /// Copies of all `values`, of which there must be no more than room() said.
  void emit_all(std::span<const T> values) {
    MILLSTREAM_ASSERT(values.size() <= limit_ - batch_.size());
    std::uninitialized_copy(values.begin(), values.end(), batch_.values() + batch_.size());
    batch_.set_size(batch_.size() + static_cast<std::uint32_t>(values.size()));
    if constexpr (kOwnsHeap<T>) {
      for (const T& value : values) heap_bytes_ += heap_bytes(value);
    }
  }
  /// The latency of this poll's records counts from `ns` (Clock::monotonic_ns()) instead of from the poll: for sources
  /// that know when the records were due.
  void due_at_ns(std::int64_t ns) noexcept { batch_.ingested_ns = ns; }
  /// A record that could not be decoded; the stage fails, skips or redirects it by its policy. The source's name and
  /// stage are filled in by the engine where they are empty.
  void bad_record(DeadLetter letter) { bad_.push_back(std::move(letter)); }
  /// Bad records of this poll so far. A poll that meets nothing but bad records should return after some hundred.
  [[nodiscard]] std::size_t bad_records() const noexcept { return bad_.size(); }

 private:
  Batch<T>& batch_;
  std::uint32_t limit_;
  std::size_t heap_bytes_ = 0;
  std::vector<DeadLetter>& bad_;
};

}  // namespace millstream::inline v0
