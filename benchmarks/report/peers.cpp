#include "report/peers.hpp"

#include <algorithm>
#include <cmath>

#include "report/axis.hpp"
#include "report/charts.hpp"

namespace report {
namespace {

std::string label_of(const Row& row) {
  std::string label = row.text("system");
  const std::string checkpoint = row.text("checkpoint");
  if (!checkpoint.empty() && checkpoint != "none") label.append(", ").append(checkpoint);
  if (!row.equal) label.append(" (WRONG RESULTS)");
  return label;
}

// Of a work, in the order of the file.
struct Group {
  std::string work;
  std::vector<Row> rows;
  std::string skipped;  // who has no row, and why
};

std::vector<Group> groups_of(const File& file) {
  std::vector<Group> groups;
  for (const Row& row : file.rows) {
    const std::string work = row.get("events_a_cpu_second") ? "beside Flink" : row.text("work");
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& one) { return one.work == work; });
    if (group == groups.end()) group = groups.insert(groups.end(), Group{work, {}, {}});
    if (const std::string why = row.text("skipped"); !why.empty()) {
      group->skipped.append(" Without ").append(row.text("system")).append(": ").append(why).append(".");
    } else {
      group->rows.push_back(row);
    }
  }
  return groups;
}

const Row* by_hand(const Group& group) {
  const auto found =
      std::find_if(group.rows.begin(), group.rows.end(), [](const Row& row) { return row.text("system") == "hand"; });
  return found == group.rows.end() ? nullptr : &*found;
}

double rate_of(const Row& row) { return value_of(row, "records") / value_of(row, "seconds"); }

Figure throughput(const Group& group) {
  std::vector<Bar> all;
  for (const Row& row : group.rows) {
    const double cpu = value_of(row, "cpu_seconds") / value_of(row, "records") * 1e6;
    all.push_back({.label = label_of(row),
                   .value = rate_of(row),
                   .note = joined({short_number(rate_of(row)), "/s, ", short_number(cpu), " CPU s a million"}),
                   .striped = row.text("guarantee") == "none"});
  }
  std::optional<Reference> reference;
  if (const Row* hand = by_hand(group)) reference = Reference{rate_of(*hand), "by hand"};
  return {
      joined({"peers_", group.work}), bars(group.work, "records/s", all, reference),
      "Medians of interleaved rounds, with the time between checkpoints where there are any. Striped: no guarantee." +
          group.skipped};
}

// The loop by hand stands beside each system: more than two lines could not be told apart without colour.
void latencies(const Group& group, std::vector<Figure>& out) {
  constexpr std::pair<const char*, double> kPercentiles[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99_9", 0.999}, {"max", 1}};
  const auto line = [&](const Row& row, const std::string& name, Style style) {
    Distribution side{name, style, {}};
    for (const auto& [key, quantile] : kPercentiles) {
      if (const auto value = row.get(joined({"latency_us.", key}))) side.values.push_back({quantile, *value});
    }
    return side;
  };
  const Row* hand = by_hand(group);
  std::string skipped = group.skipped;
  for (const Row& row : group.rows) {
    if (&row == hand && group.rows.size() > 1) continue;
    std::vector<Distribution> sides{line(row, label_of(row), Style::kSolid)};
    if (hand != nullptr && &row != hand) sides.push_back(line(*hand, "by hand", Style::kDashed));
    out.push_back({joined({"peers_", group.work, "_", row.text("system"), "_", row.text("checkpoint")}),
                   percentiles(joined({group.work, ": ", label_of(row)}), sides),
                   joined({short_number(value_of(row, "rate")), " records/s on a fixed schedule, ",
                           short_number(value_of(row, "cores")), " cores busy. Medians of the rounds.", skipped})});
    skipped.clear();  // said once
  }
}

Figure recovery(const Group& group) {
  std::vector<Bar> all;
  for (const Row& row : group.rows) {
    const double seconds = value_of(row, "recovery_seconds");
    all.push_back({.label = label_of(row),
                   .value = seconds,
                   .note = joined({short_number(seconds), " s (", short_number(value_of(row, "started_seconds")),
                                   " s to its main)"})});
  }
  return {joined({"peers_", group.work}), bars("Recovery after kill -9", "s", all, std::nullopt),
          "From the start of the process to the first new result at a reader of committed messages; medians." +
              group.skipped};
}

Figure beside_flink(const Group& group) {
  constexpr double kToReach = 10;
  std::vector<Bar> all;
  for (const Row& row : group.rows) {
    const double times = value_of(row, "events_a_cpu_second");
    const std::string work = row.text("work");
    std::string label = work.starts_with("nexmark_") ? work.substr(8) : work;
    if (row.text("checkpoint") != "none") label.append(", ").append(row.text("checkpoint"));
    all.push_back({.label = label,
                   .value = times,
                   .note = joined({short_number(times), " x a CPU second, ",
                                   short_number(value_of(row, "events_a_second")), " x a second"})});
  }
  return {"peers_beside_flink",
          bars("Millstream beside Flink", "times as many events a CPU second", all, Reference{kToReach, "to reach"}),
          "Each system makes its records from the same bytes."};
}

}  // namespace

void peers(const File& file, std::vector<Figure>& out) {
  for (const Group& group : groups_of(file)) {
    const auto has = [&](const char* key) {
      return std::any_of(group.rows.begin(), group.rows.end(),
                         [&](const Row& row) { return row.get(key).has_value(); });
    };
    if (has("latency_us.p50")) {
      latencies(group, out);
    } else if (has("recovery_seconds")) {
      out.push_back(recovery(group));
    } else if (has("events_a_cpu_second")) {
      out.push_back(beside_flink(group));
    } else {
      out.push_back(throughput(group));
    }
  }
}

}  // namespace report
