// What the peers are measured with: the works, the input, and what is said of one run. README.md says it without C++.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cost/digest.hpp"
#include "cost/event.hpp"
#include "cpu_seconds.hpp"
#include "millstream/runtime/options.hpp"
#include "peers/lateness.hpp"

namespace peers {

using cost::Digest;
using cost::Event;
using Input = cost::Input<Event>;

enum class Kind { kMapFilter, kWindows, kReduce };

struct Work {
  const char* name;
  Kind kind;
  std::uint64_t keys;
  std::int64_t records_a_second;  // of event time
  int slides;                     // of one second in a window; 1 = tumbling
  double rate = 0;                // records that fall due in a second of the wall clock; 0 = all are there at once
};

inline constexpr Work kWorks[] = {
    {"map_filter", Kind::kMapFilter, 10'000, 1'000'000, 0},   {"tumbling_10k", Kind::kWindows, 10'000, 1'000'000, 1},
    {"tumbling_1m", Kind::kWindows, 1'000'000, 2'000'000, 1}, {"reduce_1m", Kind::kReduce, 1'000'000, 1'000'000, 0},
    {"sliding_10", Kind::kWindows, 10'000, 100'000, 10},      {"sliding_60", Kind::kWindows, 10'000, 100'000, 60},
    {"latency_100k", Kind::kReduce, 10'000, 1000, 0, 100'000}};

/// Of a work that has a rate: its event times are the numbers of the records in milliseconds, so that a result says
/// which record it is of.
inline std::uint64_t number_of(const Event& e) {
  return static_cast<std::uint64_t>(e.at.time_since_epoch() / std::chrono::milliseconds{1});
}

inline Event to_euro(const Event& e) { return {e.key, e.value * 908 / 10, e.at}; }
inline bool is_large(const Event& e) { return e.value >= 45'400; }

inline Input make_input(const Work& work, std::size_t records) {
  auto events = std::make_shared<std::vector<Event>>();
  events->reserve(records);
  for (std::size_t i = 0; i < records; ++i) {
    const std::uint64_t bits = cost::random_bits(i);
    const std::chrono::milliseconds at{static_cast<std::int64_t>(i) * 1000 / work.records_a_second};
    events->push_back(
        {(bits >> 32) % work.keys, static_cast<std::int64_t>((bits & 0xffffffff) % 1000), millstream::Timestamp{at}});
  }
  return events;
}

struct Outcome {
  double seconds = 0;               ///< from the first record that is read to the last result
  double cpu_seconds = 0;           ///< of all threads, from the start of the job to its end
  double first_result_seconds = 0;  ///< from the start of the job
  double cores = 0;                 ///< that were busy from the first record that was read on
  Digest digest = {};
  std::optional<Percentiles> late = {};  ///< of a work that has a rate
};

/// Takes the times of one run; made when it starts. One thread at a time.
class Meter {
 public:
  /// A record is about to be read: the first call counts.
  void read() {
    if (read_ != Clock::time_point{}) return;
    cpu_read_ = cpu_seconds();
    read_ = Clock::now();
  }
  /// Results were written.
  void wrote() {
    last_ = Clock::now();
    if (first_ == Clock::time_point{}) first_ = last_;
  }
  [[nodiscard]] Outcome outcome(const Digest& digest) const {
    const double cpu = cpu_seconds();
    const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
    return {.seconds = seconds(last_ - read_),
            .cpu_seconds = cpu - cpu_start_,
            .first_result_seconds = seconds(first_ - start_),
            .cores = (cpu - cpu_read_) / seconds(Clock::now() - read_),
            .digest = digest};
  }

 private:
  using Clock = std::chrono::steady_clock;
  double cpu_start_ = cpu_seconds();
  double cpu_read_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point read_ = {};
  Clock::time_point first_ = {};
  Clock::time_point last_ = {};
};

/// How a run takes checkpoints.
struct Checkpoints {
  std::chrono::milliseconds interval{0};  ///< 0 = none
  std::string folder = {};                ///< removed ahead of each run and behind it
};

/// One shard, which without work parks or spins. Throws std::runtime_error where the job fails.
[[nodiscard]] Outcome run_by_millstream(const Work& work, const Input& input, const Checkpoints& checkpoints,
                                        millstream::IdleStrategy idle);

/// One thread, a loop as a careful engineer writes it for this work alone.
[[nodiscard]] Outcome run_by_hand(const Work& work, const Input& input);

}  // namespace peers
