// session: count and sum by key of sessions with a gap of five times the mean distance of a key's records, so that one
// record in 150 begins a session. The loop by hand closes a session when the key comes again, or at the end; the engine
// as soon as the gap is over.
#include "cost/hand_table.hpp"
#include "cost/row.hpp"
#include "millstream/stream/windowed_stream.hpp"
#include "millstream/window/aggregates.hpp"

namespace cost {
namespace {

using millstream::Timestamp;
using namespace std::chrono_literals;

constexpr millstream::Duration kGap = 50ms;

struct Session {
  Timestamp last = millstream::kTimestampMin;
  std::int64_t count = 0;
  std::int64_t sum = 0;
};
using Result = millstream::WindowResult<std::uint64_t, std::tuple<std::int64_t, std::int64_t>>;

Digest sessions_by_hand(const std::vector<Event>& input) {
  Digest digest;
  HandTable<Session> table;
  const auto close = [&](std::uint64_t key, const Session& s) { digest.fold(key, s.count, s.sum, s.last + kGap); };
  for (const Event& e : input) {
    Session& session = table[e.key];
    if (session.count > 0 && e.at - session.last > kGap) {
      close(e.key, session);
      session = {};
    }
    session.last = e.at;
    ++session.count;
    session.sum += e.value;
  }
  table.drain(close);
  return digest;
}

Row session() {
  const Input<Event> input = make_events({.records = 10'000'000, .keys = 10'000, .records_a_second = 1'000'000});
  const FoldSink<Result> sink;
  const auto flow = std::make_shared<millstream::Dataflow>("session");
  flow->from(Replay<Event>{input})
      .event_time(&Event::at, millstream::monotonic())
      .key_by(&Event::key)
      .window(millstream::session(kGap))
      .aggregate(millstream::all_of(millstream::count(), millstream::sum(&Event::value)))
      .to(sink);
  return {input->size(), [flow, sink] { return run_here(*flow, sink); },
          [input] { return time_hand([&] { return sessions_by_hand(*input); }); }};
}

}  // namespace

std::vector<NamedRow> session_rows() { return {{"session", session}}; }

}  // namespace cost
