// An operator of your own, with state and a timer for each key: reports a sensor that has sent nothing for a minute of
// event time, and its return. docs/writing_operators.md tells the rest.
#include <cstdio>
#include <millstream/connectors/memory.hpp>
#include <millstream/millstream.hpp>
#include <string>
#include <vector>

namespace ms = millstream;
using namespace std::chrono_literals;

struct Reading {
  std::string sensor;
  double value;
  ms::Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Reading, (), (sensor, value, at))

struct Watchdog {
  ms::ValueState<ms::Timestamp> last_seen;
  ms::ValueState<bool> silent;
  ms::Timers timers;

  void open(ms::OperatorContext& context) {
    last_seen = context.value_state<ms::Timestamp>("last_seen");
    silent = context.value_state<bool>("silent");
    timers = context.timers();
  }
  void process(const Reading& reading, ms::Collector<std::string>& out) {
    const ms::Timestamp last = last_seen.value_or(reading.at);
    if (reading.at < last) return;  // readings may come out of order: this one tells nothing new
    // The reading that ends a silence may be the one that would have made the timer fire.
    if (reading.at > last + 1min) report_silence(reading.sensor, last, out);
    if (silent.exchange(false)) out.emit(reading.sensor + " is back at " + ms::to_string(reading.at));
    timers.cancel_event_time(last + 1min);
    timers.register_event_time(reading.at + 1min);
    last_seen.set(reading.at);
  }
  void on_timer(const ms::Timer& timer, ms::Collector<std::string>& out, ms::OperatorContext& context) {
    report_silence(context.key<std::string>(), timer.time - 1min, out);
  }
  void report_silence(const std::string& sensor, ms::Timestamp since, ms::Collector<std::string>& out) {
    if (!silent.exchange(true)) out.emit(sensor + " is silent since " + ms::to_string(since));
  }
};

namespace {

ms::Timestamp at(std::chrono::seconds since_noon) { return std::chrono::sys_days{2024y / 5 / 17} + 12h + since_noon; }

const std::vector<Reading> kReadings{
    {"boiler", 71.5, at(0s)},  {"pump", 3.1, at(5s)},      {"boiler", 71.9, at(30s)}, {"pump", 3.0, at(45s)},
    {"boiler", 72.4, at(70s)}, {"boiler", 73.0, at(110s)}, {"pump", 2.2, at(130s)},   {"boiler", 73.3, at(150s)},
};

}  // namespace

int main() {
  ms::Dataflow flow{"watchdog"};
  auto reports = ms::memory::sink<std::string>();
  flow.from(ms::memory::source(kReadings))
      .event_time(&Reading::at, ms::bounded_disorder(5s))
      .key_by(&Reading::sensor)
      .process(Watchdog{})
      .to(reports);
  const ms::JobResult result = ms::run(flow, {.shards = 1});
  for (const std::string& report : reports.records()) std::puts(report.c_str());
  return result.exit_code();
}
