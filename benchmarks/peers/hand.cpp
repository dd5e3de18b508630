// The works by hand.
#include <algorithm>
#include <span>

#include "cost/hand_windows.hpp"
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
    digest = cost::tumbling_by_hand(*input, [&] { meter.wrote(); });
  } else {
    // The last records are in as many windows as there are slides in one.
    const auto slides = static_cast<std::size_t>(work.slides);
    digest = cost::sliding_by_hand(*input, slides, slides, [&] { meter.wrote(); });
  }
  return meter.outcome(digest);
}

}  // namespace peers
