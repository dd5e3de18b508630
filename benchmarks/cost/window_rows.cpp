// Count and sum by key in tumbling and sliding windows. The sliding rows differ in the size of their windows alone:
// slide, keys, records a slide and the number of windows that fire stay the same, for windows that are still open when
// the input ends are left open on both sides.
#include <atomic>

#include "cost/hand_windows.hpp"
#include "cost/row.hpp"
#include "millstream/stream/windowed_stream.hpp"
#include "millstream/window/aggregates.hpp"

namespace cost {
namespace {

using millstream::Duration;
using millstream::Timestamp;
using namespace std::chrono_literals;

using Result = millstream::WindowResult<std::uint64_t, std::tuple<std::int64_t, std::int64_t>>;

auto declare(millstream::Dataflow& flow, Replay<Event> source, const millstream::TimeWindow& window,
             const FoldSink<Result>& sink) {
  flow.from(std::move(source))
      .event_time(&Event::at, millstream::monotonic())
      .key_by(&Event::key)
      .window(window)
      .aggregate(millstream::all_of(millstream::count(), millstream::sum(&Event::value)))
      .to(sink);
}

Row tumbling(const EventShape& shape) {
  const Input<Event> input = make_events(shape);
  const FoldSink<Result> sink;
  const auto flow = std::make_shared<millstream::Dataflow>("tumbling");
  declare(*flow, {input}, millstream::tumbling(kSlide), sink);
  return {input->size(), [flow, sink] { return run_here(*flow, sink); },
          [input] { return time_hand([&] { return tumbling_by_hand(*input, [] {}); }); }};
}

Row sliding(std::size_t slides) {
  const Input<Event> input = make_events({.records = 70'000'000, .keys = 10'000, .records_a_second = 100'000});
  const FoldSink<Result> sink;
  const auto ended = std::make_shared<std::atomic<bool>>(false);
  const auto flow = std::make_shared<millstream::Dataflow>("sliding");
  const auto at_end = [ended] {
    *ended = true;
    ended->notify_one();
  };
  declare(*flow, {.records = input, .at_end = at_end}, millstream::sliding(static_cast<int>(slides) * kSlide, kSlide),
          sink);
  return {input->size(),
          [flow, sink, ended] {
            *ended = false;
            const Stopwatch watch;
            millstream::Job job = millstream::start(*flow, {.shards = 1});
            ended->wait(false);
            job.stop();
            check(job.wait());
            return watch.stop(sink.take());
          },
          [input, slides] { return time_hand([&] { return sliding_by_hand(*input, slides, 0, [] {}); }); }};
}

}  // namespace

std::vector<NamedRow> window_rows() {
  std::vector<NamedRow> rows;
  rows.push_back({"tumbling_10k", [] { return tumbling({10'000'000, 10'000, 1'000'000}); }});
  rows.push_back({"tumbling_4m", [] { return tumbling({16'000'000, 4'000'000, 8'000'000}); }});
  for (const std::size_t slides : {1, 10, 60, 600}) {
    rows.push_back({"sliding_" + std::to_string(slides), [slides] { return sliding(slides); }});
  }
  return rows;
}

}  // namespace cost
