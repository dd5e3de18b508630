// The results of each pipeline, by a plain loop.
#include <map>
#include <unordered_map>
#include <utility>

#include "latency/record.hpp"

namespace latency {
namespace {

using millstream::Duration;
using millstream::Timestamp;

Digest running_counts(const Maker& maker, std::uint64_t records) {
  Digest digest;
  std::unordered_map<std::uint64_t, std::int64_t> counts;
  for (std::uint64_t i = 0; i < records; ++i) {
    const std::uint64_t key = maker.make(i).key;
    digest.fold(key, static_cast<std::uint64_t>(++counts[key]), 0);
  }
  return digest;
}

Digest windows(const Maker& maker, std::uint64_t records, const millstream::testing::ArrivalSchedule& schedule) {
  Digest digest;
  std::unordered_map<std::uint64_t, std::pair<std::int64_t, std::int64_t>> open;  // count and sum by key
  Timestamp end{kWindow};
  const auto fire = [&] {
    for (const auto& [key, totals] : open) digest.fold(key, totals.first, totals.second, end);
    open.clear();
  };
  for (std::uint64_t i = 0; i < records; ++i) {
    const millstream::testing::Arrival arrival{i, 0, schedule.offset_ns(i)};
    if (arrival.event_time() >= end) {
      fire();
      end = millstream::floor_to(arrival.event_time(), kWindow) + kWindow;
    }
    const Record record = maker.make(i);
    auto& [count, sum] = open[record.key];
    ++count;
    sum += record.value;
  }
  fire();
  return digest;
}

Digest mapped_records(const Maker& maker, std::uint64_t records) {
  Digest digest;
  for (std::uint64_t i = 0; i < records; ++i) {
    const Record record = maker.make(i);
    digest.fold(record.key, static_cast<std::uint64_t>(mapped(record.value)), 0);
  }
  return digest;
}

}  // namespace

Digest expected(const Settings& settings, const Maker& maker, std::uint64_t records,
                const millstream::testing::ArrivalSchedule& schedule) {
  switch (settings.pipeline) {
    case Pipeline::kKeyed:
      return running_counts(maker, records);
    case Pipeline::kWindow:
      return windows(maker, records, schedule);
    case Pipeline::kMap:
    case Pipeline::kExchange:
      break;
  }
  return mapped_records(maker, records);
}

}  // namespace latency
