#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "compare/statistics.hpp"
#include "millstream/codec/encode.hpp"
#include "nexmark/modes.hpp"

namespace nexmark {
namespace {

struct Row {
  std::string name = {};
  std::uint64_t records = 0;  // events
  std::uint32_t shards = 0;
  std::int64_t checkpoint_ms = 0;
  double seconds = 0;
  double cpu_seconds = 0;
  double events_a_second = 0;
  double events_a_cpu_second = 0;
  std::vector<double> cpu_seconds_of_rounds = {};
  std::uint64_t rss_bytes = 0;
  std::uint64_t state_bytes = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t results = 0;
  std::optional<bool> equal = {};  // every round gave what the model gives; empty where no model says what it is
  BOOST_DESCRIBE_CLASS(Row, (),
                       (name, records, shards, checkpoint_ms, seconds, cpu_seconds, events_a_second,
                        events_a_cpu_second, cpu_seconds_of_rounds, rss_bytes, state_bytes, checkpoints, results,
                        equal),
                       (), ())
};

Row row_of(const std::string& name, const Wanted& wanted, const std::vector<Run>& rounds) {
  Row row{.name = name, .records = wanted.input.events, .shards = wanted.run.shards};
  row.checkpoint_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wanted.run.checkpoint).count();
  std::vector<double> seconds;
  for (const Run& run : rounds) {
    seconds.push_back(run.seconds);
    row.cpu_seconds_of_rounds.push_back(run.cpu_seconds);
    row.rss_bytes = std::max(row.rss_bytes, run.rss_peak);
    row.state_bytes = std::max(row.state_bytes, run.state_bytes);
  }
  row.seconds = compare::median_of(seconds).value;
  row.cpu_seconds = compare::median_of(row.cpu_seconds_of_rounds).value;
  row.events_a_second = static_cast<double>(row.records) / row.seconds;
  row.events_a_cpu_second = static_cast<double>(row.records) / row.cpu_seconds;
  row.checkpoints = rounds.back().checkpoints;
  row.results = rounds.back().digest.results;
  return row;
}

/// Where the results are a function of the input.
bool has_model(const Query& query, const RunSettings& settings) {
  return !query.by_wall_clock && (!query.by_order || settings.shards == 1);
}

void print(const Row& row) {
  std::printf("%-10s %10.2f %12.2f %9.0f %9.1f %6llu %12llu  %s\n", row.name.c_str(), row.events_a_second / 1e6,
              row.events_a_cpu_second / 1e6, static_cast<double>(row.rss_bytes) / 1e6,
              static_cast<double>(row.state_bytes) / 1e6, static_cast<unsigned long long>(row.checkpoints),
              static_cast<unsigned long long>(row.results),
              !row.equal   ? "-"
              : *row.equal ? "equal"
                           : "DIFFERENT");
  std::fflush(stdout);
}

/// A line of a dump.
struct EventLine {
  std::int32_t event_type;  // 0 person, 1 auction, 2 bid
  std::optional<Person> person;
  std::optional<Auction> auction;
  std::optional<Bid> bid;
  BOOST_DESCRIBE_CLASS(EventLine, (), (event_type, person, auction, bid), (), ())
};

void write_rows(const std::vector<Row>& rows, const std::string& path) {
  if (path.empty()) return;
  std::string text;
  millstream::encode_json(rows, text);
  std::ofstream file{path};
  if (!(file << text << '\n').flush()) throw std::runtime_error{"cannot write " + path};
}

}  // namespace

bool measure(const Wanted& wanted) {
  std::printf("%-10s %10s %12s %9s %9s %6s %12s  %s\n", "query", "M/s", "M/CPU s", "RSS MB", "state MB", "ckpts",
              "results", "as the model's");
  std::ofstream lines;
  if (!wanted.results.empty()) lines.open(wanted.results);
  const int rounds = wanted.results.empty() ? wanted.rounds : 1;
  std::vector<Row> rows;
  // The model comes last: what it leaves in the caches and in the allocator is no query's matter.
  const auto add = [&](const std::string& name, auto&& run, auto&& model) {
    std::vector<Run> runs;
    for (int round = 0; round < rounds; ++round) runs.push_back(run());
    Row& row = rows.emplace_back(row_of(name, wanted, runs));
    if (const std::optional<Digest> expected = model()) {
      row.equal = std::all_of(runs.begin(), runs.end(), [&](const Run& each) { return each.digest == *expected; });
    }
    print(row);
    write_rows(rows, wanted.json);  // a long run that is cut off has lost nothing
  };
  add("generator", [&] { return run_generator(wanted.input); }, [] { return std::optional<Digest>{}; });
  double logarithms = 0;
  for (const Query& query : wanted.queries) {
    add(
        query.name,
        [&] { return run_query(query, wanted.input, wanted.run, wanted.results.empty() ? nullptr : &lines); },
        [&] { return has_model(query, wanted.run) ? std::optional{query.model(wanted.input)} : std::nullopt; });
    logarithms += std::log(rows.back().events_a_cpu_second);
  }
  if (!wanted.results.empty() && !lines.flush()) throw std::runtime_error{"cannot write " + wanted.results};
  if (wanted.queries.size() > 1) {
    std::printf("geometric mean of %zu queries: %.2f M events per CPU second\n", wanted.queries.size(),
                std::exp(logarithms / static_cast<double>(wanted.queries.size())) / 1e6);
  }
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.equal.value_or(true); });
}

void dump(const Input& input, const std::string& path) {
  std::ofstream file{path};
  std::string text;
  for (std::uint64_t n = 0; n < input.events; ++n) {
    Event event = input.generator->event(n);
    EventLine line{.event_type = static_cast<std::int32_t>(event.index()), .person = {}, .auction = {}, .bid = {}};
    if (Person* person = std::get_if<Person>(&event)) line.person = std::move(*person);
    if (Auction* auction = std::get_if<Auction>(&event)) line.auction = std::move(*auction);
    if (Bid* bid = std::get_if<Bid>(&event)) line.bid = std::move(*bid);
    text.clear();
    millstream::encode_json(line, text);
    file << text << '\n';
  }
  if (!file.flush()) throw std::runtime_error{"cannot write " + path};
}

}  // namespace nexmark
