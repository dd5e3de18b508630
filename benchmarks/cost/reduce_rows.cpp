// reduce_1m: a running sum of each of a million keys, given out for every record.
#include "cost/hand_table.hpp"
#include "cost/row.hpp"
#include "millstream/stream/keyed_stream.hpp"

namespace cost {
namespace {

Row reduce_1m() {
  const Input<Event> input = make_events({.records = 10'000'000, .keys = 1'000'000, .records_a_second = 1'000'000});
  const FoldSink<Event> sink;
  const auto flow = std::make_shared<millstream::Dataflow>("reduce_1m");
  flow->from(Replay<Event>{input})
      .key_by(&Event::key)
      .reduce(
          [](const Event& so_far, const Event& next) { return Event{so_far.key, so_far.value + next.value, next.at}; })
      .to(sink);
  return {input->size(), [flow, sink] { return run_here(*flow, sink); },
          [input] {
            return time_hand([&] {
              Digest digest;
              HandTable<std::int64_t> sums;
              for (const Event& e : *input) digest.fold(e.key, sums[e.key] += e.value, e.at);
              return digest;
            });
          }};
}

}  // namespace

std::vector<NamedRow> reduce_rows() { return {{"reduce_1m", reduce_1m}}; }

}  // namespace cost
