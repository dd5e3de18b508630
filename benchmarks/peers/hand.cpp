// The works by hand.
#include <algorithm>
#include <span>

#include "cost/hand_table.hpp"
#include "peers/work.hpp"

namespace peers {
namespace {

using cost::HandTable;
using millstream::Timestamp;
using namespace std::chrono_literals;

constexpr millstream::Duration kSlide = 1s;

struct CountSum {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  void add(const Event& e) {
    ++count;
    sum += e.value;
  }
};

// Works that have a result for a record write the first ones when a batch has been read, as an engine would.
template <class Each>
void for_all(std::span<const Event> events, Meter& meter, Each&& each) {
  const std::size_t first = std::min<std::size_t>(events.size(), 256);
  for (const Event& e : events.first(first)) each(e);
  meter.wrote();
  for (const Event& e : events.subspan(first)) each(e);
  meter.wrote();
}

Digest map_filter(std::span<const Event> events, Meter& meter) {
  Digest digest;
  for_all(events, meter, [&](const Event& e) {
    const Event euro = to_euro(e);
    if (is_large(euro)) digest.fold(euro);
  });
  return digest;
}

Digest reduce(std::span<const Event> events, Meter& meter) {
  Digest digest;
  HandTable<std::int64_t> sums;
  for_all(events, meter, [&](const Event& e) { digest.fold(e.key, sums[e.key] += e.value, e.at); });
  return digest;
}

Digest tumbling(std::span<const Event> events, Meter& meter) {
  Digest digest;
  HandTable<CountSum> table;
  Timestamp end{kSlide};
  const auto fire = [&] {
    table.drain([&](std::uint64_t key, const CountSum& all) { digest.fold(key, all.count, all.sum, end); });
    meter.wrote();
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

// Keys become dense numbers; each slide has a column of partial results, and each key a running total from which the
// column that leaves is subtracted.
Digest sliding(std::span<const Event> events, std::size_t slides, Meter& meter) {
  Digest digest;
  HandTable<std::uint32_t> numbers;  // plus one
  std::vector<std::uint64_t> keys;
  std::vector<CountSum> totals;
  std::vector<std::vector<CountSum>> columns(slides);
  std::size_t now = 0;
  Timestamp end{kSlide};
  const auto slide = [&] {
    const std::vector<CountSum>& newest = columns[now];
    for (std::size_t k = 0; k < newest.size(); ++k) {
      totals[k].count += newest[k].count;
      totals[k].sum += newest[k].sum;
    }
    for (std::size_t k = 0; k < totals.size(); ++k) {
      if (totals[k].count > 0) digest.fold(keys[k], totals[k].count, totals[k].sum, end);
    }
    meter.wrote();
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
  // The last records are in as many windows as there are slides in one.
  for (std::size_t i = 0; i < slides; ++i) slide();
  return digest;
}

}  // namespace

Outcome run_by_hand(const Work& work, const Input& input) {
  Meter meter;
  meter.read();
  Digest digest;
  if (work.kind == Kind::kMapFilter) {
    digest = map_filter(*input, meter);
  } else if (work.kind == Kind::kReduce) {
    digest = reduce(*input, meter);
  } else if (work.slides == 1) {
    digest = tumbling(*input, meter);
  } else {
    digest = sliding(*input, static_cast<std::size_t>(work.slides), meter);
  }
  return meter.outcome(digest);
}

}  // namespace peers
