// The works by hand.
#include <algorithm>
#include <span>

#include "cost/hand_windows.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/testing/open_loop.hpp"
#include "peers/work.hpp"

namespace peers {
namespace {

using cost::HandTable;

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

// Spins until the next record is due.
Outcome paced_reduce(const Work& work, std::span<const Event> events) {
  millstream::Clock& clock = millstream::system_clock();
  const millstream::testing::ArrivalSchedule schedule{work.rate};
  Lateness late{work.rate, events.size()};
  Digest digest;
  HandTable<std::int64_t> sums;
  Meter meter;
  meter.read();
  const std::int64_t start_ns = clock.monotonic_ns();
  for (std::size_t next = 0; next < events.size();) {
    const std::size_t due = std::min(schedule.due_by(clock.monotonic_ns() - start_ns), events.size());
    if (due == next) __builtin_ia32_pause();
    for (; next < due; ++next) {
      const Event& e = events[next];
      digest.fold(e.key, sums[e.key] += e.value, e.at);
      late.add(next, clock.monotonic_ns() - start_ns - schedule.offset_ns(next));
    }
    meter.wrote();
  }
  Outcome outcome = meter.outcome(digest);
  outcome.late = late.percentiles();
  return outcome;
}

}  // namespace

Outcome run_by_hand(const Work& work, const Input& input) {
  if (work.rate > 0) return paced_reduce(work, *input);
  Meter meter;
  meter.read();
  Digest digest;
  if (work.kind == Kind::kMapFilter) {
    digest = map_filter(*input, meter);
  } else if (work.kind == Kind::kReduce) {
    digest = reduce(*input, meter);
  } else if (work.slides == 1) {
    digest = cost::tumbling_by_hand(*input, [&] { meter.wrote(); });
  } else {
    // The last records are in as many windows as there are slides in one.
    const auto slides = static_cast<std::size_t>(work.slides);
    digest = cost::sliding_by_hand(*input, slides, slides, [&] { meter.wrote(); });
  }
  return meter.outcome(digest);
}

}  // namespace peers
