// Count and sum by key in windows of event time, by hand, over events in the order of their times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cost/digest.hpp"
#include "cost/event.hpp"
#include "cost/hand_table.hpp"
#include "millstream/core/timestamp.hpp"

namespace cost {

inline constexpr millstream::Duration kSlide = std::chrono::seconds{1};

struct CountSum {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  void add(const Event& e) {
    ++count;
    sum += e.value;
  }
};

/// `fired()` behind each window.
template <class Fired>
Digest tumbling_by_hand(std::span<const Event> events, Fired&& fired) {
  Digest digest;
  HandTable<CountSum> table;
  millstream::Timestamp end{kSlide};
  const auto fire = [&] {
    table.drain([&](std::uint64_t key, const CountSum& all) { digest.fold(key, all.count, all.sum, end); });
    fired();
  };
  for (const Event& e : events) {
    while (e.at >= end) {
      fire();
      end += kSlide;
    }
    table[e.key].add(e);
  }
  fire();
  return digest;
}

/// Keys become dense numbers; each slide has a column of partial results, and each key a running total from which the
/// column that leaves is subtracted. That needs an aggregate that can be subtracted; the engine's windows do not. So
/// many windows that are open at the end fire, too.
template <class Fired>
Digest sliding_by_hand(std::span<const Event> events, std::size_t slides, std::size_t fire_at_end, Fired&& fired) {
  Digest digest;
  HandTable<std::uint32_t> numbers;  // plus one
  std::vector<std::uint64_t> keys;
  std::vector<CountSum> totals;
  std::vector<std::vector<CountSum>> columns(slides);
  std::size_t now = 0;
  millstream::Timestamp end{kSlide};
  const auto slide = [&] {
    const std::vector<CountSum>& newest = columns[now];
    for (std::size_t k = 0; k < newest.size(); ++k) {
      totals[k].count += newest[k].count;
      totals[k].sum += newest[k].sum;
    }
    for (std::size_t k = 0; k < totals.size(); ++k) {
      if (totals[k].count > 0) digest.fold(keys[k], totals[k].count, totals[k].sum, end);
    }
    fired();
    now = now + 1 == slides ? 0 : now + 1;
    std::vector<CountSum>& oldest = columns[now];
    for (std::size_t k = 0; k < oldest.size(); ++k) {
      totals[k].count -= oldest[k].count;
      totals[k].sum -= oldest[k].sum;
    }
    oldest.assign(keys.size(), {});
    end += kSlide;
  };
  for (const Event& e : events) {
    while (e.at >= end) slide();
    std::uint32_t& number = numbers[e.key];
    if (number == 0) {
      keys.push_back(e.key);
      totals.emplace_back();
      number = static_cast<std::uint32_t>(keys.size());
      columns[now].resize(keys.size());
    }
    columns[now][number - 1].add(e);
  }
  for (std::size_t i = 0; i < fire_at_end; ++i) slide();
  return digest;
}

}  // namespace cost
