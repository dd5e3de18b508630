// Saves of stages whose state may be in a cold store: they say what they have piece by piece.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "millstream/core/random.hpp"
#include "millstream/core/snapshot.hpp"

namespace millstream::test {

/// Whoever derives from it puts together what is said.
class SavesInPieces : public Snapshot {
 public:
  [[nodiscard]] bool under_way() const { return !sweeps_.empty(); }
  /// One piece of the first of those that have something to say and need not wait; says told_all() behind the last.
  void give_some(Random& random) {
    Sweep& sweep = *sweeps_.front();
    if (sweep.waits()) {
      std::rotate(sweeps_.begin(), sweeps_.begin() + 1, sweeps_.end());
      return;
    }
    std::int64_t budget = 1 + static_cast<std::int64_t>(random.below(20));
    if (!sweep.give_some(budget)) return;
    sweeps_.pop_front();
    if (sweeps_.empty()) told_all();
  }

  bool whole() const override { return whole_; }
  void remove_range(std::uint32_t, std::string_view, std::string_view) override { ADD_FAILURE() << "a range"; }
  void remove(std::uint32_t, std::uint32_t, std::string_view) override { ADD_FAILURE() << "a removal"; }
  void later(Sweep& sweep) override { sweeps_.push_back(&sweep); }
  void position(std::string_view, std::string, bool) override {}
  void prepared(std::string) override {}

 protected:
  virtual void told_all() = 0;

  bool whole_ = true;

 private:
  std::deque<Sweep*> sweeps_;
};

}  // namespace millstream::test
