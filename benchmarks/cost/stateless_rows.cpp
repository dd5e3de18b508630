// map_filter: a currency conversion and a threshold that every second record passes.
#include "cost/row.hpp"

namespace cost {
namespace {

Event to_euro(const Event& e) { return {e.key, e.value * 908 / 10, e.at}; }
bool is_large(const Event& e) { return e.value >= 45'400; }

Row map_filter() {
  const Input<Event> input = make_events({.records = 10'000'000, .keys = 10'000, .records_a_second = 1'000'000});
  const FoldSink<Event> sink;
  const auto flow = std::make_shared<millstream::Dataflow>("map_filter");
  flow->from(Replay<Event>{input})
      .map([](const Event& e) { return to_euro(e); })
      .filter([](const Event& e) { return is_large(e); })
      .to(sink);
  return {input->size(), [flow, sink] { return run_here(*flow, sink); },
          [input] {
            return time_hand([&] {
              Digest digest;
              for (const Event& e : *input) {
                const Event euro = to_euro(e);
                if (is_large(euro)) digest.fold(euro);
              }
              return digest;
            });
          }};
}

}  // namespace

std::vector<NamedRow> stateless_rows() { return {{"map_filter", map_filter}}; }

}  // namespace cost
