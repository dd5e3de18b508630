// latency: how long after it was due a record's result is there. Records come on a schedule that is fixed before the
// run (no coordinated omission), beside the machine's own floor, and the results are checked.
//   latency [--pipeline map|keyed|window|exchange] [--rate N] [--seconds S] [--warmup S] [--rounds N]
//           [--checkpoint INTERVAL|off] [--shards N] [--idle park|spin] [--generator auto|core|shard] [--json FILE]
//           [--hgrm FILE]
//   latency sweep [the same without --rate and --hgrm]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "interval.hpp"
#include "latency/report.hpp"
#include "latency/sweep.hpp"
#include "millstream/codec/encode.hpp"

namespace {

using latency::Pipeline;
using latency::Row;
using latency::Settings;

const std::map<std::string, Pipeline> kPipelines{{"map", Pipeline::kMap},
                                                 {"keyed", Pipeline::kKeyed},
                                                 {"window", Pipeline::kWindow},
                                                 {"exchange", Pipeline::kExchange}};
const std::map<std::string, millstream::IdleStrategy> kIdle{{"park", millstream::IdleStrategy::kPark},
                                                            {"spin", millstream::IdleStrategy::kSpin}};

const char* const kAbout =
    R"(How long after it was due a record's result is at the sink. Record i is due i / rate behind the start, whatever
happens meanwhile: a stall shows in the latency of every record that fell due in it.

Pipelines
  map       source, map, sink
  keyed     source, key_by, running reduce of each of 10,000 keys, sink
  window    source, key_by, tumbling windows of 100 ms by 10,000 keys, count and sum, sink; a result's latency counts
            from the record that closed its window
  exchange  source on the first shard, key_by, map on one of the others, sink: every record changes shards

The floor is a loop that does nothing but wait for the same instants; it runs ahead of each round.)";

std::string exactly(const std::string& text, bool good, const char* wanted) {
  return good ? std::string{} : "'" + text + "' is not " + wanted;
}

// Of a tenth of a second, or fewer and longer ones where that would be more than a picture can show.
std::size_t intervals_of(std::chrono::nanoseconds duration) {
  constexpr std::int64_t kIntervalsMax = 1000;
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(duration / std::chrono::milliseconds{100}, 1, kIntervalsMax));
}

std::chrono::nanoseconds seconds(double s) { return std::chrono::nanoseconds{static_cast<std::int64_t>(s * 1e9)}; }

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path};
  if (!(file << text).flush()) throw std::runtime_error{"cannot write " + path};
}

struct Wanted {
  Settings settings;
  std::string pipeline = "keyed";
  std::string json;
  std::string hgrm;
  bool sweep = false;
};

// Each row is there at once in the file: a long run that is cut off has lost nothing.
void run(const Wanted& wanted) {
  std::vector<Row> rows;
  const auto measure = [&](const std::string& name, const Settings& settings, std::optional<double> load) {
    const std::vector<latency::Round> rounds = latency::measure(settings);
    Row& row = rows.emplace_back(latency::summarize(name, settings, rounds));
    row.load = load;
    latency::print(row, settings.rounds);
    if (!wanted.json.empty()) {
      std::string text;
      millstream::encode_json(rows, text);
      write_file(wanted.json, text + '\n');
    }
    if (!wanted.hgrm.empty()) write_file(wanted.hgrm, latency::hgrm(rounds));
    if (!row.equal) throw std::runtime_error{name + ": the results are wrong"};
  };
  if (!wanted.sweep) {
    measure(wanted.pipeline, wanted.settings, std::nullopt);
    return;
  }
  const double sustainable = latency::find_sustainable(wanted.settings);
  for (const int percent : {10, 50, 80}) {
    Settings settings = wanted.settings;
    settings.rate = sustainable * percent / 100;
    measure(wanted.pipeline + "_" + std::to_string(percent) + "_percent", settings, percent / 100.0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{kAbout};
  Wanted wanted;
  Settings& settings = wanted.settings;
  std::string idle = "park";
  std::string generator = "auto";
  std::string checkpoint = "off";
  double measured = 10;
  double warmup = 1;
  app.add_option("--pipeline", wanted.pipeline, "map, keyed, window or exchange")
      ->check([](const std::string& s) { return exactly(s, kPipelines.contains(s), "map, keyed, window or exchange"); })
      ->capture_default_str();
  auto* rate =
      app.add_option("--rate", settings.rate, "Records a second")->check(CLI::Range(1.0, 1e9))->capture_default_str();
  app.add_option("--seconds", measured, "Measured time, of all rounds together")
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  app.add_option("--warmup", warmup, "Seconds ahead of each round whose records do not count")
      ->check(CLI::Range(0.0, 3'600.0))
      ->capture_default_str();
  app.add_option("--rounds", settings.rounds, "Rounds of floor and job, interleaved")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--checkpoint", checkpoint, "Interval of checkpoints, such as 1s or 200ms, or off")
      ->check([](const std::string& s) {
        return exactly(s, parse_interval(s).has_value(), "off or an interval such as 1s or 200ms");
      })
      ->capture_default_str();
  auto* shards =
      app.add_option("--shards", settings.shards, "Shards [1; 2 for the exchange]")->check(CLI::Range(1, 64));
  app.add_option("--idle", idle, "What a shard does without work: park or spin")
      ->check([](const std::string& s) { return exactly(s, kIdle.contains(s), "park or spin"); })
      ->capture_default_str();
  app.add_option("--generator", generator,
                 "core: a thread with a core of its own, which wakes the shards; shard: the shards that read pace "
                 "themselves; auto: core where one is left then for the rest of the machine")
      ->check([](const std::string& s) {
        return exactly(s, s == "auto" || s == "core" || s == "shard", "auto, core or shard");
      })
      ->capture_default_str();
  app.add_option("--json", wanted.json, "Writes the rows to this file, as a JSON array");
  auto* hgrm =
      app.add_option("--hgrm", wanted.hgrm, "Writes the latencies to this file, as HdrHistogram's tools read it");
  app.add_subcommand("sweep", "Finds the sustainable throughput, then measures at 10, 50 and 80 % of it")
      ->callback([&] { wanted.sweep = true; })
      ->fallthrough();
  CLI11_PARSE(app, argc, argv);

  try {
    if (wanted.sweep && !rate->empty()) throw std::invalid_argument{"sweep finds the rate itself: leave out --rate"};
    if (wanted.sweep && !hgrm->empty())
      throw std::invalid_argument{"--hgrm takes the latencies of one run: not with sweep"};
    settings.pipeline = kPipelines.at(wanted.pipeline);
    settings.idle = kIdle.at(idle);
    settings.checkpoint_interval = *parse_interval(checkpoint);
    settings.duration = seconds(measured / settings.rounds);
    settings.warmup = seconds(warmup);
    // A sweep comes to rates at which this would cost a tenth of the throughput.
    if (!wanted.sweep) settings.intervals = intervals_of(settings.duration);
    if (settings.pipeline == Pipeline::kExchange) {
      if (shards->empty()) settings.shards = 2;
      if (settings.shards < 2) throw std::invalid_argument{"an exchange needs at least 2 shards"};
    }
    if (generator == "core" && latency::cores() <= settings.shards) {
      throw std::invalid_argument{
          "the shards take all cores that this process may use: none is left for the generator"};
    }
    // What else runs on a machine all of whose cores spin takes one of them away, for milliseconds.
    settings.generator_core = generator == "core" || (generator == "auto" && latency::cores() > settings.shards + 1);
    for (const std::string& path : {wanted.json, wanted.hgrm}) {
      if (!path.empty()) write_file(path, "");  // now, and not when all is measured
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "latency: %s\n", error.what());
    return 2;
  }
  try {
    run(wanted);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "latency: %s\n", error.what());
    return 1;
  }
  return 0;
}
