// Windows, a reduce, and keyed state with timers behind one source, each with an exactly-once file sink, and late
// readings beside; slow enough to be killed in the middle, with a checkpoint each 20 ms.
#include "crash/victim.hpp"

#include <algorithm>
#include <boost/describe.hpp>
#include <chrono>

#include "millstream/connectors/file.hpp"
#include "millstream/millstream.hpp"

namespace millstream::crash {

BOOST_DESCRIBE_STRUCT(Reading, (), (sensor, value, at))
BOOST_DESCRIBE_STRUCT(Row, (), (what, sensor, number, at))

namespace {

using namespace std::chrono_literals;

Timestamp instant(std::int64_t ms) { return Timestamp{std::chrono::milliseconds{ms}}; }
std::int64_t in_ms(Timestamp t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

/// A few readings of each file at a time.
class PacedReadings {
 public:
  explicit PacedReadings(file::Source<Reading> readings) : readings_{std::move(readings)} {}

  auto splits(SourceContext& context) const { return readings_.splits(context); }
  Status open(SplitContext& context) {
    clock_ = &context.clock();
    return readings_.open(context);
  }
  Result<Poll> poll(SourceOutput<Reading>& out) {
    if (clock_->now() < due_) return Poll::idle_until(due_);
    due_ = clock_->now() + 4ms;
    Batch<Reading> few{kAtOnce};
    std::vector<DeadLetter> bad;
    SourceOutput<Reading> into{few, std::min(kAtOnce, static_cast<std::uint32_t>(out.room())), bad};
    Result<Poll> read = readings_.poll(into);
    for (std::uint32_t i = 0; i < few.size(); ++i) out.emit(few.values()[i]);
    for (DeadLetter& letter : bad) out.bad_record(std::move(letter));
    return read && read->kind == Poll::Kind::kMore ? Poll::idle_until(due_) : read;
  }
  [[nodiscard]] Position position() const { return readings_.position(); }
  void close() { readings_.close(); }

 private:
  static constexpr std::uint32_t kAtOnce = 8;
  file::Source<Reading> readings_;
  Clock* clock_ = nullptr;
  Timestamp due_{};
};

/// Each value of a sensor once, each tenth reading, and a timer behind readings.
struct FirstsTenthsAndTimers {
  MapState<std::int64_t, bool> seen;
  ValueState<std::int64_t> count;
  Timers timers;
  void open(OperatorContext& c) {
    seen = c.map_state<std::int64_t, bool>("seen");
    count = c.value_state<std::int64_t>("count");
    timers = c.timers();
  }
  void process(const Reading& reading, Collector<Row>& out) {
    timers.register_event_time(instant(reading.at / kTimerGrid * kTimerGrid + kTimerDelay), "give");
    count.update([](std::int64_t& n) { ++n; });
    if (const std::int64_t n = *count.get(); n % kTenth == 0) out.emit({"tenth", reading.sensor, n, reading.at});
    if (seen.contains(reading.value)) return;
    seen.put(reading.value, true);
    out.emit({"first", reading.sensor, reading.value, reading.at});
  }
  void on_timer(const Timer& timer, Collector<Row>& out, OperatorContext& c) {
    out.emit({"timer", c.key<std::int64_t>(), 0, in_ms(timer.time)});
  }
};

Dataflow flow_of(const std::string& folder) {
  Dataflow flow{"victim"};
  const auto write = [&](auto rows, const std::string& name) {
    rows.to(file::sink<Row>({.directory = folder + "/output/" + name})).named(name + " files");
  };
  auto readings = flow.from(PacedReadings{file::source<Reading>({.path = folder + "/input/*.csv"})})
                      .named("readings")
                      .event_time([](const Reading& r) { return instant(r.at); },
                                  bounded_disorder(std::chrono::milliseconds{kDisorder}))
                      .key_by(&Reading::sensor);
  auto sums =
      readings.window(tumbling(std::chrono::milliseconds{kWindow})).aggregate(sum(&Reading::value)).named("sums");
  write(sums.map([](const auto& r) { return Row{"sum", r.key, r.value, in_ms(r.window_end)}; }), "sums");
  write(sums.side_output(late_records<Reading>).map([](const Late<Reading>& l) {
    return Row{"late", l.record.sensor, l.record.value, l.record.at};
  }),
        "late");
  write(readings
            .reduce([](const Reading& so_far, const Reading& next) {
              return Reading{next.sensor, so_far.value + next.value, next.at};
            })
            .named("totals")
            .map([](const Reading& r) { return Row{"total", r.sensor, r.value, r.at}; }),
        "totals");
  write(readings.process(FirstsTenthsAndTimers{}).named("marks"), "marks");
  return flow;
}

}  // namespace

int run_victim(const VictimOptions& options) {
  Job job = start(flow_of(options.folder), {.shards = options.shards,
                                            .batch = options.batch,
                                            .state_dir = options.folder + "/state",
                                            .checkpoint = {.interval = 20ms}});
  // Where the job is at its end there is none; that is no mistake.
  if (!options.savepoint.empty()) static_cast<void>(job.savepoint(options.folder + "/" + options.savepoint));
  return job.wait().exit_code();
}

}  // namespace millstream::crash
