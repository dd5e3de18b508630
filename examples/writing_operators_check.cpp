// The code of docs/writing_operators.md, put together when the build is configured, and a look at what it does.
#include "writing_operators.inc"

int main() {
  ms::Dataflow countdown{"countdown"};
  const Tally tally;
  countdown.from(Countdown{}).to(tally);
  bool good = ms::run(countdown, {.shards = 2}).ok() && *tally.sum == 55;

  ms::Dataflow clicks{"clicks"};
  auto known = ms::memory::sink<Click>();
  auto unknown = ms::memory::sink<std::string>();
  auto first = ms::memory::sink<Click>();
  auto users = ms::memory::sink<std::string>();
  auto rejects = ms::memory::sink<ms::DeadLetter>();
  auto word_lengths = ms::memory::sink<int>();
  using Spans = decltype(spans(std::declval<ms::Stream<Click>>()))::value_type;
  auto windows = ms::memory::sink<Spans>();
  const std::vector<Click> three{{"a", "ann", {}}, {"a", "bob", {}}, {"b", "", {}}};
  auto source = clicks.from(ms::memory::source(three));
  separate(source, known, unknown);
  first_clicks(source).to(first);
  users_of(source).to(users);
  lengths(users_of(source), rejects).to(word_lengths);
  spans(source).to(windows);
  good = good && ms::run(clicks).ok() && known.size() == 2 && unknown.records() == std::vector<std::string>{"b"} &&
         first.size() == 2 && users.size() == 3 && rejects.size() == 1 && word_lengths.size() == 2 &&
         windows.size() == 18;

  ms::Dataflow hours{"hours"};
  using Visitors = decltype(visitors_by_hour(std::declval<ms::Stream<Click>>()))::value_type;
  auto visitors = ms::memory::sink<Visitors>();
  visitors_by_hour(hours.from(ms::memory::source(three))).to(visitors);
  good = good && ms::run(hours).ok() && visitors.size() == 1 &&
         visitors.records()[0].value == std::tuple{3, 3, std::optional{std::chrono::microseconds{0}}};

  good = good && dedupe_forgets_after_an_hour() && clicks_come_in_order_under_every_seed();
  return good ? 0 : 1;
}
