// One round: the pipelines, as a user writes them, and a run of one of them.
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>

#include "latency/checkpoint_watch.hpp"
#include "latency/sampling.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/latency_recorder.hpp"

namespace latency {
namespace {

namespace ms = millstream;
namespace kit = millstream::testing;

constexpr std::size_t kShardsMax = 64;

// What one shard's sink has got.
struct alignas(ms::kCacheLine) Taken {
  Digest digest;
  std::int64_t last_ns = 0;
  Timeline over_time;
};
using AllTaken = std::array<Taken, kShardsMax>;

// Folds results for the check and records their latency. Due(result) says when what made it was due.
template <class Result, class Due>
struct CheckingSink {
  std::shared_ptr<AllTaken> all;
  kit::LatencyLane latency;
  PerShard<Passed> samples;
  Due due;
  std::function<std::int64_t()> measured_from;  // asked when a record is here: the schedule has begun
  Taken* mine = nullptr;
  std::int64_t measured_from_ns = 0;

  void open(ms::SinkContext& context) { mine = &all->at(context.shard()); }
  std::size_t write(std::span<Result> results) {
    const std::int64_t now = latency.now_ns();
    const bool over_time = mine->over_time.keeps();
    if (measured_from_ns == 0) measured_from_ns = measured_from();
    for (const Result& result : results) {
      const std::int64_t due_ns = due(result);
      latency.record(due_ns, now);
      if (over_time) mine->over_time.record(due_ns - measured_from_ns, now - due_ns);
      if constexpr (std::is_same_v<Result, Record>) {
        mine->digest.fold(result.key, static_cast<std::uint64_t>(result.value), 0);
        if (result.made_ns != 0) [[unlikely]]
          samples.add({result.due_ns, result.made_ns, result.received_ns, now});
      } else {
        mine->digest.fold(result);
      }
    }
    mine->last_ns = now;
    return results.size();
  }
};

struct Measured {
  explicit Measured(const Settings& settings)
      : behind_operator{settings.shards, samples_max(settings)}, at_sink{settings.shards, samples_max(settings)} {
    if (settings.intervals == 0) return;
    for (std::uint32_t shard = 0; shard < settings.shards; ++shard) {
      taken->at(shard).over_time = Timeline{settings.intervals, interval_of(settings).count()};
    }
  }
  static std::size_t samples_max(const Settings& settings) {
    const double seconds = std::chrono::duration<double>(settings.duration).count();
    return static_cast<std::size_t>(settings.rate * seconds) / kSampledEvery + 2;
  }
  std::shared_ptr<AllTaken> taken = std::make_shared<AllTaken>();
  PerShard<Passed> behind_operator;
  PerShard<Passed> at_sink;

  template <class Result, class Due>
  [[nodiscard]] CheckingSink<Result, Due> sink(const kit::OpenLoop& load, const Settings& settings,
                                               const kit::LatencyRecorder& recorder, Due due) const {
    return {taken, recorder.lane(), at_sink, std::move(due),
            [load, warmup = settings.warmup.count()] { return load.due_ns(0) + warmup; }};
  }
};

Record map_record(Record record) {
  receive(record);
  record.value = mapped(record.value);
  return record;
}

void declare(ms::Dataflow& flow, const Settings& settings, const Maker& maker, const kit::OpenLoop& load,
             const kit::LatencyRecorder& recorder, const Measured& measured) {
  const auto measured_from =
      static_cast<std::uint64_t>(settings.rate * std::chrono::duration<double>(settings.warmup).count());
  const ms::Stream<Record> records = flow.from(load.source([&maker, measured_from](const kit::Arrival& arrival) {
    Record record = maker.make(arrival.number);
    record.at = arrival.event_time();
    record.due_ns = arrival.due_ns;
    if (arrival.number % kSampledEvery == 0 && arrival.number >= measured_from) [[unlikely]]
      record.made_ns = now_ns();
    return record;
  }));
  const auto due_of_record = [](const Record& record) { return record.due_ns; };
  const auto record_sink = measured.sink<Record>(load, settings, recorder, due_of_record);
  const NoteSample note{measured.behind_operator};
  switch (settings.pipeline) {
    case Pipeline::kMap:
      records.map(map_record).peek(note).to(record_sink);
      return;
    case Pipeline::kExchange: {
      const auto keyed = records.key_by(&Record::key);
      // Nothing but the exchange.
      ms::Stream<Record>{keyed.place()}.map(map_record).peek(note).to(record_sink);
      return;
    }
    case Pipeline::kKeyed:
      records.key_by(&Record::key)
          .reduce([](const Record& sum, const Record& next) {
            Record result = next;
            receive(result);
            result.value += sum.value;
            return result;
          })
          .peek(note)
          .to(record_sink);
      return;
    case Pipeline::kWindow: {
      const std::uint64_t behind_first = load_splits(settings) - 1;
      using Totals = ms::WindowResult<std::uint64_t, std::tuple<std::int64_t, std::int64_t>>;
      records.event_time(&Record::at, ms::monotonic())
          .key_by(&Record::key)
          .window(ms::tumbling(kWindow))
          .aggregate(ms::all_of(ms::count(), ms::sum(&Record::value)))
          .to(measured.sink<Totals>(load, settings, recorder, [load, behind_first](const Totals& totals) {
            return load.due_ns(load.first_at(totals.window_end) + behind_first);
          }));
      return;
    }
  }
}

double process_cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// A folder of this process' own, gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_{(std::filesystem::temp_directory_path() / "millstream-latency-XXXXXX").string()} {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error{"cannot make a folder for checkpoints"};
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Those that touch what is measured, as seconds behind its start.
std::vector<Span> spans_of(const std::vector<CheckpointMark>& marks, std::int64_t measured_from_ns,
                           std::chrono::nanoseconds duration) {
  const double end = std::chrono::duration<double>(duration).count();
  std::vector<Span> spans;
  for (const CheckpointMark& mark : marks) {
    const Span span{static_cast<double>(mark.begin_ns - measured_from_ns) * 1e-9,
                    static_cast<double>(mark.end_ns - measured_from_ns) * 1e-9};
    if (span.end >= 0 && span.begin < end) spans.push_back({std::max(span.begin, 0.0), std::min(span.end, end)});
  }
  return spans;
}

}  // namespace

std::chrono::nanoseconds interval_of(const Settings& settings) {
  return settings.duration / static_cast<std::int64_t>(std::max<std::size_t>(settings.intervals, 1));
}

std::vector<Sample> join_samples(const PerShard<Passed>& behind_operator, const PerShard<Passed>& at_sink) {
  std::unordered_map<std::int64_t, std::int64_t> left;
  behind_operator.each([&](const Passed& passed) { left.emplace(passed.due_ns, passed.at_ns); });
  std::vector<Sample> samples;
  at_sink.each([&](const Passed& passed) {
    const auto found = left.find(passed.due_ns);
    // The first record of a key is its own running value: no function of ours has seen it.
    if (found == left.end() || passed.received_ns == 0) return;
    samples.push_back({passed.made_ns - passed.due_ns, passed.received_ns - passed.made_ns,
                       found->second - passed.received_ns, passed.at_ns - found->second});
  });
  return samples;
}

Round run_round(const Settings& settings, bool with_floor) {
  Round round;
  if (with_floor) round.floor = measure_floor(settings);
  const Maker maker{settings};
  const kit::OpenLoop load{{.rate = settings.rate,
                            .duration = settings.duration,
                            .warmup = settings.warmup,
                            .splits = load_splits(settings),
                            .pacing = settings.generator_core ? kit::Pacing::kThread : kit::Pacing::kShard}};
  const kit::LatencyRecorder recorder{load};
  const Measured measured{settings};
  ms::Dataflow flow{"latency"};
  declare(flow, settings, maker, load, recorder, measured);

  std::unique_ptr<TemporaryFolder> folder;
  ms::RunOptions options{.shards = settings.shards, .pin = settings.shards <= cores(), .idle = settings.idle};
  CheckpointWatch watch{ms::posix_file_system(), ms::system_clock()};
  if (settings.checkpoint_interval.count() > 0) {
    folder = std::make_unique<TemporaryFolder>();
    options.state_dir = folder->path();
    options.file_system = &watch;
    options.checkpoint.interval = settings.checkpoint_interval;
  }
  const double cpu_before = process_cpu_seconds();
  const std::int64_t began_ns = now_ns();
  ms::Job job = ms::start(flow, options);
  const ms::JobResult result = job.wait();
  if (!result.ok()) throw std::runtime_error{result.status.to_string()};

  round.seconds = static_cast<double>(now_ns() - began_ns) * 1e-9;
  round.generator_cpu_seconds = std::chrono::duration<double>(load.pacing_cpu_time()).count();
  round.job_cpu_seconds = process_cpu_seconds() - cpu_before - round.generator_cpu_seconds;
  round.checkpoints = job.status().checkpoints;
  round.latency = recorder.histogram();
  round.samples = join_samples(measured.behind_operator, measured.at_sink);
  round.records = load.records();
  Digest digest;
  std::int64_t last_ns = 0;
  round.over_time.resize(settings.intervals);
  for (const Taken& taken : *measured.taken) {
    digest.add(taken.digest);
    last_ns = std::max(last_ns, taken.last_ns);
    for (std::size_t i = 0; i < taken.over_time.intervals().size(); ++i) {
      round.over_time[i].merge(taken.over_time.intervals()[i]);
    }
  }
  round.checkpoint_spans = spans_of(watch.marks(), load.due_ns(0) + settings.warmup.count(), settings.duration);
  round.behind = std::chrono::nanoseconds{last_ns - load.due_ns(load.records() - 1)};
  round.equal = digest == expected(settings, maker, load.records(), kit::ArrivalSchedule{settings.rate});
  if (settings.pipeline == Pipeline::kExchange) round.equal &= measured.taken->front().digest == Digest{};
  return round;
}

}  // namespace latency
