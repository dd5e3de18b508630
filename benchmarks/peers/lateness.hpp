// How late results came: all of them one by one, for the percentiles of the runs of all systems are found by one rule.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace peers {

/// Microseconds.
struct Percentiles {
  double p50 = 0;
  double p99 = 0;
  double p99_9 = 0;
  double max = 0;
  std::size_t measured = 0;  ///< results that counted
};

/// The results of a run, of which those of the first second do not count. One thread at a time.
class Lateness {
 public:
  /// Throws std::runtime_error where none would count.
  Lateness(double rate, std::size_t records) : first_counted_{static_cast<std::uint64_t>(rate)} {
    if (records <= first_counted_) throw std::runtime_error{"no records are left behind the first second"};
    // Touched now: a page that is touched for the first time would be measured.
    late_ns_.assign(records - first_counted_, 0);
  }
  /// The result of record `number` is there, so many nanoseconds after the record was due.
  void add(std::uint64_t number, std::int64_t late_ns) {
    if (number >= first_counted_ && used_ < late_ns_.size()) late_ns_[used_++] = late_ns;
  }
  /// Of those that were added; forgets their order.
  [[nodiscard]] Percentiles percentiles() {
    std::sort(late_ns_.begin(), late_ns_.begin() + static_cast<std::ptrdiff_t>(used_));
    if (used_ == 0) throw std::runtime_error{"there was no result that counts"};
    // The least value that so large a share of all does not exceed.
    const auto at = [&](double share) {
      const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(used_)));
      return static_cast<double>(late_ns_[std::max<std::size_t>(rank, 1) - 1]) * 1e-3;
    };
    return {.p50 = at(0.5), .p99 = at(0.99), .p99_9 = at(0.999), .max = at(1), .measured = used_};
  }

 private:
  std::uint64_t first_counted_;
  std::vector<std::int64_t> late_ns_;
  std::size_t used_ = 0;
};

}  // namespace peers
