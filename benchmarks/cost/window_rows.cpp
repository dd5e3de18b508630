// Count and sum by key in tumbling and sliding windows. The sliding rows differ in the size of their windows alone:
// slide, keys, records a slide and the number of windows that fire stay the same, for windows that are still open when
// the input ends are left open on both sides.
#include <atomic>

#include "cost/hand_table.hpp"
#include "cost/row.hpp"
#include "millstream/stream/windowed_stream.hpp"
#include "millstream/window/aggregates.hpp"

namespace cost {
namespace {

using millstream::Duration;
using millstream::Timestamp;
using namespace std::chrono_literals;

constexpr Duration kSlide = 1s;

struct CountSum {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  void add(const Event& e) {
    ++count;
    sum += e.value;
  }
};
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

Digest tumbling_by_hand(const std::vector<Event>& input) {
  Digest digest;
  HandTable<CountSum> table;
  Timestamp end = Timestamp{kSlide};
  const auto fire = [&] {
    table.drain([&](std::uint64_t key, const CountSum& all) { digest.fold(key, all.count, all.sum, end); });
  };
  for (const Event& e : input) {
    while (e.at >= end) {
      fire();
      end += kSlide;
    }
    table[e.key].add(e);
  }
  fire();
  return digest;
}

Row tumbling(const EventShape& shape) {
  const Input<Event> input = make_events(shape);
  const FoldSink<Result> sink;
  const auto flow = std::make_shared<millstream::Dataflow>("tumbling");
  declare(*flow, {input}, millstream::tumbling(kSlide), sink);
  return {input->size(), [flow, sink] { return run_here(*flow, sink); },
          [input] { return time_hand([&] { return tumbling_by_hand(*input); }); }};
}

// Keys become dense numbers; each slide has a column of partial results, and each key a running total from which the
// column that leaves is subtracted. That needs an aggregate that can be subtracted; the engine's windows do not.
Digest sliding_by_hand(const std::vector<Event>& input, std::size_t slides) {
  Digest digest;
  HandTable<std::uint32_t> numbers;  // plus one
  std::vector<std::uint64_t> keys;
  std::vector<CountSum> totals;
  std::vector<std::vector<CountSum>> columns(slides);
  std::size_t now = 0;
  Timestamp end = Timestamp{kSlide};
  const auto slide = [&] {
    std::vector<CountSum>& newest = columns[now];
    for (std::size_t k = 0; k < newest.size(); ++k) {
      totals[k].count += newest[k].count;
      totals[k].sum += newest[k].sum;
    }
    for (std::size_t k = 0; k < totals.size(); ++k) {
      if (totals[k].count > 0) digest.fold(keys[k], totals[k].count, totals[k].sum, end);
    }
    now = now + 1 == slides ? 0 : now + 1;
    std::vector<CountSum>& oldest = columns[now];
    for (std::size_t k = 0; k < oldest.size(); ++k) {
      totals[k].count -= oldest[k].count;
      totals[k].sum -= oldest[k].sum;
    }
    oldest.assign(keys.size(), {});
    end += kSlide;
  };
  for (const Event& e : input) {
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
  return digest;
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
          [input, slides] { return time_hand([&] { return sliding_by_hand(*input, slides); }); }};
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
