// GatheredPlaces: the places of a batch's disordered records by the slice that they are in, so that each slice gets its
// records in one go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace millstream::inline v0 {

/// For one batch after the other; what it allocates it keeps.
template <class Slice>
class GatheredPlaces {
 public:
  void add(Slice& slice, std::uint32_t place) {
    // A place that goes to several slices goes to them in the same order as the one before it.
    if (last_ + 1 < gathered_.size() && gathered_[last_ + 1].slice == &slice) ++last_;
    if (last_ >= gathered_.size() || gathered_[last_].slice != &slice) {
      for (last_ = 0; last_ < gathered_.size() && gathered_[last_].slice != &slice;) ++last_;
      if (last_ == gathered_.size()) gathered_.push_back({&slice, take_spare()});
    }
    gathered_[last_].places.push_back(place);
  }
  /// f(slice, places) for each slice, in the order in which they came first; all are forgotten.
  template <class F>
  void take(F&& f) {
    for (Gathered& each : gathered_) {
      f(*each.slice, std::as_const(each.places));
      each.places.clear();
      spare_.push_back(std::move(each.places));
    }
    gathered_.clear();
  }

 private:
  struct Gathered {
    Slice* slice;
    std::vector<std::uint32_t> places;
  };
  std::vector<std::uint32_t> take_spare() {
    if (spare_.empty()) return {};
    std::vector<std::uint32_t> spare = std::move(spare_.back());
    spare_.pop_back();
    return spare;
  }

  std::vector<Gathered> gathered_;
  std::size_t last_ = 0;  // that of the last place
  std::vector<std::vector<std::uint32_t>> spare_;
};

}  // namespace millstream::inline v0
