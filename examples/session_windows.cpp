// Visits to a web site: the clicks of a visitor belong to one visit until the visitor is silent for 30 minutes. Clicks
// arrive out of order, so a visit may also grow together from two halves.
#include <cstdint>
#include <cstdio>
#include <millstream/connectors/memory.hpp>
#include <millstream/millstream.hpp>
#include <string>
#include <vector>

namespace ms = millstream;
using namespace std::chrono_literals;

struct Click {
  std::string visitor;
  std::string page;
  ms::Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Click, (), (visitor, page, at))

namespace {

ms::Timestamp at(std::chrono::minutes since_noon) { return std::chrono::sys_days{2024y / 5 / 17} + 12h + since_noon; }

const std::vector<Click> kClicks{
    {"ann", "/", at(0min)},       {"bob", "/", at(2min)},      {"ann", "/shoes", at(4min)},
    {"ann", "/cart", at(50min)},  {"bob", "/hats", at(51min)},  // 49 silent minutes: Bob's second visit
    {"ann", "/socks", at(27min)},                               // comes late and joins Ann's two halves
    {"bob", "/cart", at(55min)},  {"ann", "/pay", at(58min)},
};

}  // namespace

int main() {
  ms::Dataflow flow{"visits"};
  auto visits = ms::memory::sink<std::string>();
  flow.from(ms::memory::source(kClicks))
      .event_time(&Click::at, ms::bounded_disorder(30min))
      .key_by(&Click::visitor)
      .window(ms::session(30min))
      .aggregate(ms::all_of(ms::count(), ms::first(&Click::page), ms::last(&Click::page)))
      .map([](const auto& visit) {
        const auto& [clicks, entry, exit] = visit.value;
        return visit.key + " " + ms::to_string(visit.window_start) + ": " + std::to_string(clicks) + " clicks, " +
               entry + " to " + exit;
      })
      .to(visits);
  const ms::JobResult result = ms::run(flow, {.shards = 1});
  for (const std::string& visit : visits.records()) std::puts(visit.c_str());
  return result.exit_code();
}
