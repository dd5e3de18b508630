// A job that keeps a user's type in every kind of state, for tests that restore it as another version of that type.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "millstream/connectors/memory.hpp"
#include "millstream/millstream.hpp"

namespace profiles {

namespace ms = millstream;
using namespace std::chrono_literals;

struct Click {
  std::int64_t user = 0;
  std::int64_t amount = 0;  ///< 0 asks what is kept of the user
  ms::Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Click, (), (user, amount, at))

struct V1 {
  std::int32_t age = 30;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(V1, (), (age, total))
/// `age` is gone, `country` new.
struct V2 {
  std::string country = "unknown";
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(V2, (), (country, total))
/// `total` has become a text, and there is no way to it, one, and one that fails.
struct Retyped {
  std::string total = "none";
};
BOOST_DESCRIBE_STRUCT(Retyped, (), (total))
struct Migrated {
  std::string total = "none";
};
BOOST_DESCRIBE_STRUCT(Migrated, (), (total))
struct Failing {
  std::string total = "none";
};
BOOST_DESCRIBE_STRUCT(Failing, (), (total))

inline void spend(std::int64_t& total, std::int64_t amount) { total += amount; }
inline void spend(std::string&, std::int64_t) {}
inline void spend(std::string&, const std::string&) {}
inline std::string text(const V1& p) { return std::to_string(p.age) + "/" + std::to_string(p.total); }
inline std::string text(const V2& p) { return p.country + "/" + std::to_string(p.total); }
template <class P>
std::string text(const P& p) {
  return p.total;
}

}  // namespace profiles

template <>
struct millstream::Migration<profiles::Migrated> {
  using From = profiles::V1;
  static profiles::Migrated migrate(profiles::V1 before) { return {"was " + std::to_string(before.total)}; }
};
template <>
struct millstream::Migration<profiles::Failing> {
  using From = profiles::V1;
  static profiles::Failing migrate(profiles::V1 /*before*/) { throw std::runtime_error{"no way"}; }
};

namespace profiles {

template <class P>
struct Keep {
  ms::ValueState<P> value;
  ms::ListState<P> list;
  ms::MapState<std::string, P> map;
  ms::AggregatingState<Click, std::vector<std::int64_t>> amounts;
  ms::Timers timers;
  void open(ms::OperatorContext& c) {
    value = c.value_state<P>("value", {.ttl = 1'000'000h});
    list = c.list_state<P>("list");
    map = c.map_state<std::string, P>("map");
    amounts = c.aggregating_state<Click>("amounts", ms::collect(&Click::amount));
    timers = c.timers();
  }
  void process(const Click& click, ms::Collector<std::string>& out) {
    if (click.amount == 0) return out.emit("user " + kept_of(click.user));
    value.update([&](P& p) { spend(p.total, click.amount); });
    P profile;
    spend(profile.total, click.amount);
    list.add(profile);
    map.put("last", profile);
    amounts.add(click);
    timers.register_event_time(click.at + 10h, std::to_string(click.user));
  }
  void on_timer(const ms::Timer& timer, ms::Collector<std::string>& out) {
    out.emit("timer of " + std::string{timer.name});
  }
  [[nodiscard]] std::string kept_of(std::int64_t user) const {
    std::string all = std::to_string(user) + ": " + text(value.value_or(P{})) + ";";
    for (const P& each : list.get()) all += " " + text(each);
    map.for_each([&](const std::string& name, const P& each) { all += "; " + name + " " + text(each); });
    if (const auto list_of = amounts.get()) all += "; " + std::to_string(list_of->size()) + " amounts";
    return all;
  }
};

/// The sum of a window, by an aggregate of the user's.
template <class P>
struct Total {
  struct Acc {
    P profile;
    BOOST_DESCRIBE_CLASS(Acc, (), (profile), (), ())
  };
  Acc create() const { return {}; }
  void add(Acc& acc, const Click& click) const { spend(acc.profile.total, click.amount); }
  void merge(Acc& acc, const Acc& later) const { spend(acc.profile.total, later.profile.total); }
  std::string result(const Acc& acc) const { return text(acc.profile); }
};

using Lines = ms::memory::Sink<std::string>;

/// All of its records, then none until the job is stopped, or the end.
struct Clicks {
  std::vector<Click> clicks;
  bool hold = false;
  std::size_t next = 0;

  std::vector<ms::Split> splits(ms::SourceContext&) const { return {{"clicks", {}}}; }
  ms::Status open(ms::SplitContext& context) {
    next = context.split().start.offset;
    return {};
  }
  ms::Poll poll(ms::SourceOutput<Click>& out) {
    while (out.room() > 0 && next < clicks.size()) out.emit(clicks[next++]);
    if (next < clicks.size()) return ms::Poll::more();
    return hold ? ms::Poll::idle() : ms::Poll::done();
  }
  [[nodiscard]] ms::Position position() const { return {next, {}}; }
};

/// Three users, each with amounts of 1 to 4 within one hour.
inline std::vector<Click> some_clicks() {
  std::vector<Click> clicks;
  for (std::int64_t i = 0; i < 12; ++i) clicks.push_back({i % 3, 1 + i / 3, ms::Timestamp{1min * i}});
  return clicks;
}
/// Behind them, a question for each user.
inline std::vector<Click> with_questions(std::vector<Click> clicks) {
  for (std::int64_t user = 0; user < 3; ++user) clicks.push_back({user, 0, ms::Timestamp{15min}});
  return clicks;
}

/// With windows of each kind, whose results begin with the name of their stage.
template <class P>
ms::Dataflow flow_of(Clicks clicks, const Lines& out) {
  ms::Dataflow flow{"profiles"};
  auto timed = flow.from(std::move(clicks)).named("clicks").event_time(&Click::at, ms::bounded_disorder(0s));
  const auto keyed = timed.key_by(&Click::user);
  keyed.process(Keep<P>{}).named("keep").to(out);
  const auto give = [&](auto panes, const char* name) {
    panes.named(name)
        .map([name](const auto& pane) { return name + (" " + std::to_string(pane.key)) + ": " + pane.value; })
        .to(out);
  };
  give(keyed.window(ms::tumbling(1h)).aggregate(Total<P>{}), "slices");
  give(keyed.window(ms::session(1h)).aggregate(Total<P>{}), "sessions");
  give(keyed.window(ms::tumbling(1h)).trigger(ms::early_every(1000)).aggregate(Total<P>{}), "panes");
  give(keyed.window(ms::count_window(100)).aggregate(Total<P>{}), "counts");
  keyed.reduce([](const Click& sum, const Click& next) { return Click{sum.user, sum.amount + next.amount, next.at}; })
      .named("reduced")
      .filter([](const Click& sum) { return sum.at == ms::Timestamp{15min}; })
      .map([](const Click& sum) { return "reduced " + std::to_string(sum.user) + ": " + std::to_string(sum.amount); })
      .to(out);
  return flow;
}

struct Quiet : ms::RunOptions {
  explicit Quiet(const std::string& folder, std::uint32_t job_shards) {
    shards = job_shards;
    log = nullptr;
    state_dir = folder;
    checkpoint = {.interval = 10ms, .retained = 1};
  }
};

/// What go_on() gives, with a profile as its version says it: of all amounts, and of each.
inline std::vector<std::string> answers(const std::string& sum, const std::vector<std::string>& amounts) {
  std::vector<std::string> all;
  for (const std::string user : {"0", "1", "2"}) {
    for (const char* stage : {"slices ", "sessions ", "panes ", "counts "}) all.push_back(stage + user + ": " + sum);
    all.push_back("reduced " + user + ": 10");
    std::string line = "user " + user + ": " + sum + ";";
    for (const std::string& amount : amounts) line += " " + amount;
    all.push_back(line + "; last " + amounts.back() + "; 4 amounts");
    for (int i = 0; i < 4; ++i) all.push_back("timer of " + user);
  }
  std::sort(all.begin(), all.end());
  return all;
}

/// The folder then holds what the version P has kept of some_clicks().
template <class P>
ms::Status leave_state(const std::string& folder, std::uint32_t shards) {
  const Lines out = ms::memory::sink<std::string>();
  ms::Job job = ms::start(flow_of<P>({some_clicks(), true}, out), Quiet{folder, shards});
  while (job.status().checkpoints < 2 && !job.wait_for(5ms)) {
  }
  job.stop();
  return job.wait().status;
}

/// Goes on from it as version P, asks for everything, and sorts the answers.
template <class P>
ms::Result<std::vector<std::string>> go_on(const std::string& folder, std::uint32_t shards, ms::LogHook log = nullptr) {
  const Lines out = ms::memory::sink<std::string>();
  Quiet options{folder, shards};
  options.log = std::move(log);
  const ms::JobResult result = ms::run(flow_of<P>({with_questions(some_clicks()), false}, out), options);
  if (!result.ok()) return result.status;
  std::vector<std::string> lines = out.records();
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace profiles
