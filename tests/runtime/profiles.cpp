// The instantiations of the profiles' job: what depends on the version of the type, and, once, what does not.
#include "runtime/profiles.hpp"

namespace profiles {
namespace {

void spend(std::int64_t& total, std::int64_t amount) { total += amount; }
void spend(std::string&, std::int64_t) {}
void spend(std::string&, const std::string&) {}
std::string text(const V1& p) { return std::to_string(p.age) + "/" + std::to_string(p.total); }
std::string text(const V2& p) { return p.country + "/" + std::to_string(p.total); }
template <class P>
std::string text(const P& p) {
  return p.total;
}

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

/// Writes a window's result as a line.
struct NamedLine {
  const char* name;
  template <class Pane>
  std::string operator()(const Pane& pane) const {
    return name + (" " + std::to_string(pane.key)) + ": " + pane.value;
  }
};

/// What keeps no P.
template <class Keyed>
void reduce(const Keyed& keyed, const Lines& out) {
  keyed.reduce([](const Click& sum, const Click& next) { return Click{sum.user, sum.amount + next.amount, next.at}; })
      .named("reduced")
      .filter([](const Click& sum) { return sum.at == ms::Timestamp{15min}; })
      .map([](const Click& sum) { return "reduced " + std::to_string(sum.user) + ": " + std::to_string(sum.amount); })
      .to(out);
}

}  // namespace

template <class P>
ms::Dataflow flow_of(Clicks clicks, const Lines& out) {
  ms::Dataflow flow{"profiles"};
  auto timed = flow.from(std::move(clicks)).named("clicks").event_time(&Click::at, ms::bounded_disorder(0s));
  const auto keyed = timed.key_by(&Click::user);
  keyed.process(Keep<P>{}).named("keep").to(out);
  const auto give = [&](auto panes, const char* name) { panes.named(name).map(NamedLine{name}).to(out); };
  give(keyed.window(ms::tumbling(1h)).aggregate(Total<P>{}), "slices");
  give(keyed.window(ms::session(1h)).aggregate(Total<P>{}), "sessions");
  give(keyed.window(ms::tumbling(1h)).trigger(ms::early_every(1000)).aggregate(Total<P>{}), "panes");
  give(keyed.window(ms::count_window(100)).aggregate(Total<P>{}), "counts");
  reduce(keyed, out);
  return flow;
}

template ms::Dataflow flow_of<V1>(Clicks, const Lines&);
template ms::Dataflow flow_of<V2>(Clicks, const Lines&);
template ms::Dataflow flow_of<Retyped>(Clicks, const Lines&);
template ms::Dataflow flow_of<Migrated>(Clicks, const Lines&);

ms::Status leave(const std::string& folder, std::uint32_t shards, ms::Dataflow flow) {
  ms::Job job = ms::start(std::move(flow), Quiet{folder, shards});
  while (job.status().checkpoints < 2 && !job.wait_for(5ms)) {
  }
  job.stop();
  return job.wait().status;
}

}  // namespace profiles
