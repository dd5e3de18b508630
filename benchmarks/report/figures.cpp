// Charts of each program's rows.
#include "report/figures.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "report/axis.hpp"
#include "report/charts.hpp"
#include "report/peers.hpp"

namespace report {
namespace {

std::string labelled(const Row& row) { return row.equal ? row.name : row.name + " (WRONG RESULTS)"; }

std::string milliseconds(double micros) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f", micros / 1e3);
  return text;
}

// The pipeline of a row of a sweep: keyed of keyed_50_percent.
std::string pipeline_of(const Row& row) {
  const std::size_t end = row.name.rfind("_percent");
  return end == std::string::npos || end == 0 ? row.name : row.name.substr(0, row.name.rfind('_', end - 1));
}

Figure cost(const File& file) {
  std::vector<Bar> all;
  for (const Row& row : file.rows) {
    const auto rate = [&](const char* seconds) { return value_of(row, "records") / value_of(row, seconds); };
    all.push_back({.label = labelled(row),
                   .value = value_of(row, "ratio"),
                   .low = row.get("ratio_min"),
                   .high = row.get("ratio_max"),
                   .note = joined({short_number(value_of(row, "ratio")), " (", short_number(rate("seconds")),
                                   "/s, by hand ", short_number(rate("hand_seconds")), "/s)"})});
  }
  return {
      "cost", bars("Throughput beside a loop by hand", "share of the loop's records/s", all, Reference{1, "by hand"}),
      "Medians; a whisker goes from the least to the greatest round. The dashed line is a hand-written loop for the "
      "same work on one thread."};
}

// What a reader of committed messages had around a kill, beside what was written.
Figure recovery(const Row& row) {
  const std::vector<double>& at = row.array("timeline.at_ms");
  Series written{"written", Style::kDashed, {}};
  Series read{"read, committed", Style::kSolid, {}};
  for (Series* series : {&written, &read}) {
    const std::vector<double>& messages = row.array(series == &read ? "timeline.read" : "timeline.written");
    for (std::size_t i = 0; i < std::min(at.size(), messages.size()); ++i) {
      series->values.push_back({at[i], messages[i]});
    }
  }
  const double took = value_of(row, "timeline.took_ms");
  return {
      row.name,
      lines("Recovery after SIGKILL, Kafka to Kafka",
            {.x = "ms from the kill", .y = "messages", .spans_name = "recovery", .spans = {{0, took}}, .marks = false},
            {read, written}),
      joined({"The kill whose recovery, ", short_number(took), " ms, is the median of ",
              short_number(value_of(row, "kills")), "; the longest took ", short_number(value_of(row, "max_ms")),
              " ms. A step is a checkpoint, whose messages become visible together."})};
}

void kafka(const File& file, std::vector<Figure>& out) {
  std::vector<Bar> all;
  std::string end_to_end;
  for (const Row& row : file.rows) {
    const double by_hand = value_of(row, "by_hand");
    if (!row.get("by_hand")) {
      const std::vector<double>& p50 = row.array("p50_us");
      const std::vector<double>& p99 = row.array("p99_us");
      if (p50.empty() || p99.empty()) continue;
      end_to_end = joined({" End to end at ", short_number(value_of(row, "rate")), "/s: p50 ",
                           milliseconds(p50.front()), " ms, p99 ", milliseconds(p99.front()), " ms."});
      continue;
    }
    for (const bool exactly : {true, false}) {
      const double rate = value_of(row, exactly ? "exactly_once" : "at_least_once");
      all.push_back({.label = labelled(row).append(exactly ? ", exactly once" : ", at least once"),
                     .value = rate / by_hand,
                     .note = joined({short_number(rate / by_hand), " (", short_number(rate), "/s)"}),
                     .striped = !exactly});
    }
  }
  out.push_back(
      {"kafka", bars("Kafka to Kafka", "share of the loop's messages/s", all, Reference{1, "by hand, in transactions"}),
       "Medians of the rounds; solid: exactly once, striped: at least once. The dashed line is a hand-written "
       "loop over librdkafka that writes in transactions." +
           end_to_end});
  for (const Row& row : file.rows) {
    if (!row.array("timeline.at_ms").empty()) out.push_back(recovery(row));
  }
}

Figure step_time(const File& file) {
  std::vector<Bar> all;
  for (const Row& row : file.rows) {
    all.push_back(
        {.label = labelled(row),
         .value = value_of(row, "longest_us"),
         .note = joined({short_number(value_of(row, "longest_us")), " us (p50 ", short_number(value_of(row, "p50_us")),
                         ", p99 ", short_number(value_of(row, "p99_us")), ")"})});
  }
  return {"step_time", bars("The longest step", "us of CPU time", all, Reference{1000, "to reach: below 1 ms"}),
          "The longest step of a shard while windows fill and fire."};
}

void state(const File& file, std::vector<Figure>& out) {
  std::vector<Bar> all;
  for (const Row& row : file.rows) {
    all.push_back({.label = labelled(row),
                   .value = value_of(row, "kept"),
                   .note = joined({short_number(value_of(row, "kept")), " (",
                                   short_number(value_of(row, "megabytes_a_checkpoint")), " MB a checkpoint)"})});
  }
  out.push_back({"state_kept",
                 bars("Throughput kept with checkpoints", "share", all, Reference{1, "without checkpoints"}),
                 "Records/s with checkpoints over records/s of the same job without."});
  for (const Row& row : file.rows) {
    std::vector<Distribution> sides;
    for (const bool with : {true, false}) {
      Distribution side{with ? "with checkpoints" : "without", with ? Style::kSolid : Style::kDashed, {}};
      const std::vector<double>& found = row.array(with ? "latency_us" : "plain_latency_us");
      constexpr double kQuantiles[] = {0.5, 0.99, 0.999, 1};
      for (std::size_t i = 0; i < std::min(found.size(), std::size_t{4}); ++i) {
        side.values.push_back({kQuantiles[i], found[i]});
      }
      sides.push_back(std::move(side));
    }
    out.push_back({joined({"state_", row.name}), percentiles(joined({"Latency of ", labelled(row)}), sides),
                   "At half load; the axis of percentiles counts nines."});
  }
}

Figure latency_over_time(const Row& row) {
  const double interval = value_of(row, "over_time.interval_seconds");
  const auto series = [&](const char* name, Style style, const char* column) {
    Series all{name, style, {}};
    const std::vector<double>& values = row.array(column);
    for (std::size_t i = 0; i < values.size(); ++i) {
      all.values.push_back({(static_cast<double>(i) + 0.5) * interval, values[i]});
    }
    return all;
  };
  Axes axes{.x = "seconds", .y = "us", .log_y = true, .spans_name = "checkpoint", .marks = false};
  const std::vector<double>& begins = row.array("over_time.checkpoint_begin_seconds");
  const std::vector<double>& ends = row.array("over_time.checkpoint_end_seconds");
  for (std::size_t i = 0; i < std::min(begins.size(), ends.size()); ++i) axes.spans.push_back({begins[i], ends[i]});
  const std::size_t rounds = row.array("p50_us").size();
  for (std::size_t round = 1; round < rounds; ++round) {
    axes.cuts.push_back(value_of(row, "seconds") * static_cast<double>(round) / static_cast<double>(rounds));
  }
  return {
      joined({"latency_over_time_", row.name}),
      lines(joined({"Latency over time: ", labelled(row)}), axes,
            {series("longest", Style::kThin, "over_time.max_us"), series("p99", Style::kSolid, "over_time.p99_us"),
             series("p50", Style::kDashed, "over_time.p50_us")}),
      joined({short_number(value_of(row, "rate")), " records/s, each interval of ", short_number(interval * 1e3),
              " ms in which they were due by itself. Grey: a checkpoint, from its first file until it counts. ",
              axes.cuts.empty() ? "" : "Rounds stand one behind the other; a mark on the axis is where one ends."})};
}

void latency(const File& file, std::vector<Figure>& out) {
  constexpr std::pair<const char*, double> kPercentiles[] = {{"p50", 0.5},     {"p90", 0.9},       {"p99", 0.99},
                                                             {"p99_9", 0.999}, {"p99_99", 0.9999}, {"max", 1}};
  std::vector<Row> swept;
  for (const Row& row : file.rows) {
    std::vector<Distribution> sides;
    for (const bool ours : {true, false}) {
      Distribution side{ours ? "latency" : "the machine's floor", ours ? Style::kSolid : Style::kDashed, {}};
      for (const auto& [name, quantile] : kPercentiles) {
        const auto value = row.get(joined({ours ? "latency_us." : "floor_us.", name}));
        if (value) side.values.push_back({quantile, *value});
      }
      sides.push_back(std::move(side));
    }
    const double interval = value_of(row, "checkpoint_seconds");
    out.push_back(
        {joined({"latency_", row.name}), percentiles(joined({"Latency of ", labelled(row)}), sides),
         joined({short_number(value_of(row, "rate")), " records/s, shards: ", short_number(value_of(row, "shards")),
                 ", checkpoints: ", interval > 0 ? joined({"each ", short_number(interval), " s"}) : "off",
                 ". The floor is a loop that only waits for the same instants."})});
    if (!row.array("over_time.max_us").empty()) out.push_back(latency_over_time(row));
    if (row.get("load").value_or(0) > 0) swept.push_back(row);
  }
  if (swept.empty()) return;
  Series p50{"p50", Style::kDotted, {}};
  Series p99{"p99", Style::kSolid, {}};
  Series p99_9{"p99.9", Style::kDashed, {}};
  for (const Row& row : swept) {
    const double rate = value_of(row, "rate");
    p50.values.push_back({rate, value_of(row, "latency_us.p50")});
    p99.values.push_back({rate, value_of(row, "latency_us.p99")});
    p99_9.values.push_back({rate, value_of(row, "latency_us.p99_9")});
  }
  const double knee = value_of(swept.back(), "rate") / value_of(swept.back(), "load");
  if (!std::isfinite(knee)) return;
  const std::string pipeline = pipeline_of(swept.front());
  out.push_back(
      {joined({"load_", pipeline}),
       lines(joined({"Latency against load: ", pipeline}),
             {.x = "records/s", .y = "us", .log_y = true, .x_reference = Reference{knee, "sustained at most"}},
             {p50, p99, p99_9}),
       joined({"The dotted line is the greatest rate that was sustained, ", short_number(knee),
               "/s. Shards: ", short_number(value_of(swept.front(), "shards")), "."})});
}

// Of the sweeps of a pipeline with several numbers of shards: how much more each sustains than the one with the fewest.
void speed_up(const std::vector<File>& files, std::vector<Figure>& out) {
  std::map<std::string, std::map<double, double>> sustained;  // by pipeline and shards
  for (const File& file : files) {
    for (const Row& row : file.rows) {
      const auto load = row.get("load");
      const auto shards = row.get("shards");
      if (file.kind != Kind::kLatency || !load || !(*load > 0) || !shards) continue;
      sustained[pipeline_of(row)][*shards] = value_of(row, "rate") / *load;
    }
  }
  for (const auto& [pipeline, by_shards] : sustained) {
    if (by_shards.size() < 2) continue;
    const auto [fewest, base] = *by_shards.begin();
    Series measured{"measured", Style::kSolid, {}};
    Series ideal{"in proportion", Style::kDashed, {}};
    for (const auto& [shards, rate] : by_shards) {
      measured.values.push_back({shards, rate / base});
      ideal.values.push_back({shards, shards / fewest});
    }
    out.push_back({joined({"speed_up_", pipeline}),
                   lines(joined({"Cores against speed-up: ", pipeline}), {.x = "shards", .y = "times as fast"},
                         {measured, ideal}),
                   joined({"Sustained records/s over those of ", short_number(fewest), " shard(s), ",
                           short_number(base), "/s."})});
  }
}

// Names of files: of what everybody's file system takes, and each once.
void name_files(std::vector<Figure>& all) {
  constexpr std::size_t kNameMax = 80;
  std::set<std::string> used;
  for (Figure& figure : all) {
    std::string name = figure.name.substr(0, kNameMax);
    for (char& c : name) {
      if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    }
    figure.name = name;
    for (int i = 2; !used.insert(figure.name).second; ++i) figure.name = joined({name, "_", std::to_string(i)});
  }
}

}  // namespace

std::vector<Figure> figures(const std::vector<File>& files) {
  std::vector<Figure> all;
  for (const File& file : files) {
    switch (file.kind) {
      case Kind::kCost:
        all.push_back(cost(file));
        break;
      case Kind::kKafka:
        kafka(file, all);
        break;
      case Kind::kStepTime:
        all.push_back(step_time(file));
        break;
      case Kind::kState:
        state(file, all);
        break;
      case Kind::kLatency:
        latency(file, all);
        break;
      case Kind::kPeers:
        peers(file, all);
        break;
    }
  }
  speed_up(files, all);
  name_files(all);
  return all;
}

}  // namespace report
