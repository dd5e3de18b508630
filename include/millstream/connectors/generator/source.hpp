// A source that computes its records from their number: replayable, with random access, and the same records for any
// number of splits. With a rate it is an open loop: the times at which records are due do not depend on how fast they
// are taken, so latency measured from them hides no stall (no coordinated omission).
//
//   ms::generator::source<Order>({.make = [](std::uint64_t i, ms::Random& r) { return Order{i, r.between(1, 99)}; },
//                                 .count = 1'000'000, .rate = 50'000})
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/random.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::generator {

/// A source that never ends.
inline constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();

/// Makes record i: any function of (std::uint64_t i) or (std::uint64_t i, Random&). It must depend on nothing else, for
/// record i is made again on replay, and may be called on several threads at once. Called a block of records at a time,
/// so that the user's function is inlined into the loop.
template <class T>
class Make {
 public:
  struct Block {
    std::uint64_t first;  // number of the first record
    std::uint64_t step;   // distance to the next
    std::size_t count;
    std::uint64_t seed;
    const Timestamp* due = nullptr;  // event time of each record; null = none
  };

  Make() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Make>)
  Make(F&& f)  // NOLINT(google-explicit-constructor): a lambda is what users write here
      : fill_{[f = std::forward<F>(f)](const Block& block, SourceOutput<T>& out) {
          std::uint64_t number = block.first;
          std::size_t made = 0;
          for (; made < block.count && (!kOwnsHeap<T> || out.room() > 0); ++made, number += block.step) {
            if (block.due != nullptr) {
              out.emit_at(block.due[made], call(f, number, block.seed));
            } else {
              out.emit(call(f, number, block.seed));
            }
          }
          return made;
        }} {
    static_assert(
        std::is_invocable_r_v<T, const std::remove_cvref_t<F>&, std::uint64_t, Random&> ||
            std::is_invocable_r_v<T, const std::remove_cvref_t<F>&, std::uint64_t>,
        "millstream: a generator's make takes (std::uint64_t i) or (std::uint64_t i, ms::Random&) and returns "
        "the record; it must be callable when const (no mutable lambda)");
  }

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(fill_); }
  /// Emits the records of the block for which there is room; returns how many.
  std::size_t operator()(const Block& block, SourceOutput<T>& out) const { return fill_(block, out); }

 private:
  template <class F>
  static T call(const F& f, std::uint64_t number, std::uint64_t seed) {
    if constexpr (std::is_invocable_r_v<T, const F&, std::uint64_t, Random&>) {
      Random random{seed, number};
      return f(number, random);
    } else {
      return f(number);
    }
  }
  std::function<std::size_t(const Block&, SourceOutput<T>&)> fill_;
};

template <class T>
struct Options {
  Make<T> make = {};               ///< record i
  std::uint64_t count = kEndless;  ///< records of all splits together
  /// Records a second of all splits together: record i is due at start + i / rate and has that instant as its own
  /// event time (`.event_time(strategy)` may take it). Late ones are emitted at once. 0 = as fast as they are taken,
  /// without times.
  double rate = 0;
  std::uint32_t splits = 1;  ///< record i belongs to split i modulo splits
  std::uint64_t seed = 1;    ///< of the Random that make is given
};

namespace detail {

/// What does not depend on the type of the records: which numbers a split emits and when they are due.
class MILLSTREAM_EXPORT Schedule {
 public:
  Schedule(std::uint64_t count, double rate, std::uint32_t splits) : count_{count}, rate_{rate}, splits_{splits} {}

  /// Refuses options that make no sense.
  [[nodiscard]] Status check(bool has_make) const;
  [[nodiscard]] std::vector<Split> splits() const;
  Status open(SplitContext& context);
  /// Number of records, at most `room`, that are to be emitted now.
  [[nodiscard]] std::size_t due(std::size_t room);
  /// When each of the records that due() has just named is due; null without a rate.
  [[nodiscard]] const Timestamp* due_times() const { return times_.empty() ? nullptr : times_.data(); }
  /// When the first of them is due, as Clock::monotonic_ns(); the others are due so soon behind it that their latency
  /// may count from it too.
  [[nodiscard]] std::int64_t due_at_ns() const { return due_at_ns_; }
  /// Takes the records that due() named as emitted.
  Poll advance(std::size_t emitted);

  /// Number of the next record.
  [[nodiscard]] std::uint64_t next() const { return first_ + done_ * splits_; }
  /// Distance between the numbers of two records of a split.
  [[nodiscard]] std::uint64_t stride() const { return splits_; }
  /// Records emitted by this split.
  [[nodiscard]] std::uint64_t done() const { return done_; }

 private:
  [[nodiscard]] double nanoseconds_to(std::uint64_t number) const;

  std::uint64_t count_;
  double rate_;
  std::uint32_t splits_;
  std::uint64_t first_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t end_ = 0;           // records of this split
  std::uint64_t begin_number_ = 0;  // number of the record that is due at start
  std::int64_t start_ns_ = 0;       // monotonic
  Timestamp start_{};               // the same instant by the wall clock
  Clock* clock_ = nullptr;
  std::int64_t due_at_ns_ = 0;
  std::vector<Timestamp> times_;
};

}  // namespace detail

template <class T>
class Source {
 public:
  explicit Source(Options<T> options)
      : make_{std::move(options.make)}, seed_{options.seed}, schedule_{options.count, options.rate, options.splits} {}

  Result<std::vector<Split>> splits(SourceContext&) const {
    if (Status s = schedule_.check(static_cast<bool>(make_)); !s.ok()) return s;
    return schedule_.splits();
  }
  Status open(SplitContext& context) { return schedule_.open(context); }
  Poll poll(SourceOutput<T>& out) {
    const std::size_t count = schedule_.due(out.room());
    if (schedule_.due_times() != nullptr) out.due_at_ns(schedule_.due_at_ns());
    return schedule_.advance(make_({schedule_.next(), schedule_.stride(), count, seed_, schedule_.due_times()}, out));
  }
  /// The offset counts the records of the split.
  [[nodiscard]] Position position() const { return {schedule_.done(), {}}; }

 private:
  Make<T> make_;
  std::uint64_t seed_;
  detail::Schedule schedule_;
};

/// A source of `options.count` records made by `options.make`. Wrong options are reported when the job starts.
template <class T>
[[nodiscard]] Source<T> source(Options<T> options) {
  return Source<T>{std::move(options)};
}

}  // namespace millstream::inline v0::generator
