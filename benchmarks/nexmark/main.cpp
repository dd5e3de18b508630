// nexmark: the queries of Nexmark, measured, checked against models, or beside loops by hand.
//   nexmark [--query q5]... [--events N] [--shards N] [--checkpoint INTERVAL|off] [--json FILE] [--results FILE]
//   nexmark --check | --cost | --dump FILE | --list
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "interval.hpp"
#include "nexmark/modes.hpp"

namespace {

const char* const kAbout =
    R"(The queries of Nexmark (an auction site: persons, auctions, bids; --list shows them) over events that are made from a
seed by the rules of nexmark/nexmark. Without --check, --cost or --dump they are measured: events a second, events
for each CPU second of the whole process (making the events is in it; the first row is that alone), peak memory, and
the most bytes that the state folder held. Each shard reads a split of its own. Results are compared with those of a
plain model, and one that differs ends with 1; not compared is what the wall clock decides (q12), or with several
shards the order of events (q15 to q19).

  nexmark --query q5 --events 10000000 --checkpoint 1s
  nexmark --check --events 20000 --event-rate 1000 --shards 2
  nexmark --dump events.jsonl --events 100000
  nexmark --query q1 --events 100000 --results q1.jsonl)";

struct CommandLine {
  std::vector<std::string> queries;
  std::uint64_t events = 10'000'000;
  nexmark::GeneratorOptions generator;
  std::uint32_t shards = 1;
  std::string backend = "memory";
  std::string checkpoint = "1s";
  int rounds = 3;
  std::string json;
  std::string results;
  std::string dump;
  bool check = false;
  bool cost = false;
  bool list = false;
};

void declare(CLI::App& app, CommandLine& line) {
  app.add_option("--query", line.queries, "q0, q1, ...; may be given more than once [all]");
  app.add_option("--events", line.events, "Persons, auctions and bids together")
      ->check(CLI::Range(1'000.0, 1e12))
      ->capture_default_str();
  app.add_option("--event-rate", line.generator.rate, "Events a second of event time")
      ->check(CLI::Range(1.0, 1e9))
      ->capture_default_str();
  app.add_option("--out-of-order", line.generator.out_of_order_group,
                 "Groups of so many events come in another order than that of their times; 1 = none")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--seed", line.generator.seed, "Of the events")->capture_default_str();
  app.add_option("--shards", line.shards, "Threads that share the work")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--backend", line.backend,
                 "Where state is kept: memory, or rocksdb for that of q15 to q18, which then may outgrow half of the\n"
                 "machine's memory; that of the others stays in memory")
      ->check(CLI::IsMember({"memory", "rocksdb"}))
      ->capture_default_str();
  app.add_option("--checkpoint", line.checkpoint, "Interval of checkpoints, such as 1s or 200ms, or off")
      ->check([](const std::string& text) -> std::string {
        return parse_interval(text) ? "" : "'" + text + "' is not off or an interval such as 1s or 200ms";
      })
      ->capture_default_str();
  app.add_option("--rounds", line.rounds, "Runs of each query; medians are shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--json", line.json, "Writes the rows to this file, as a JSON array");
  auto* results =
      app.add_option("--results", line.results, "Writes the results of the one query, which runs once, as JSON lines");
  auto* check = app.add_flag("--check", line.check,
                             "Whether each query gives what a plain model gives, in one run and when its job is\n"
                             "stopped, cancelled and started again; ends with 1 where one does not");
  auto* cost = app.add_flag("--cost", line.cost,
                            "Queries beside loops by hand, over the same events in memory, on one thread without\n"
                            "checkpoints; ends with 1 where the results differ");
  auto* dump = app.add_option("--dump", line.dump, "Writes the events as JSON lines");
  auto* list = app.add_flag("--list", line.list, "Shows the queries");
  check->excludes(cost)->excludes(dump)->excludes(list)->excludes(results);
  cost->excludes(dump)->excludes(list)->excludes(results);
  dump->excludes(list)->excludes(results);
  list->excludes(results);
}

std::vector<nexmark::Query> chosen(const std::vector<std::string>& names) {
  const std::vector<nexmark::Query> all = nexmark::all_queries();
  if (names.empty()) return all;
  std::vector<nexmark::Query> queries;
  for (const std::string& name : names) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& query) { return query.name == name; });
    if (found != all.end()) {
      queries.push_back(*found);
    } else {
      const std::string why = nexmark::missing(name);
      throw std::invalid_argument{why.empty() ? "Nexmark has no query '" + name + "': --list shows them" : why};
    }
  }
  return queries;
}

nexmark::Wanted wanted(const CommandLine& line) {
  nexmark::Wanted wanted;
  wanted.queries = chosen(line.queries);
  if (!line.results.empty() && wanted.queries.size() != 1) {
    throw std::invalid_argument{"--results takes the results of one query: choose it with --query"};
  }
  if (line.cost && line.generator.out_of_order_group != 1) {
    throw std::invalid_argument{"the loops by hand want events in the order of their times: leave out --out-of-order"};
  }
  wanted.run = {.shards = line.shards, .checkpoint = *parse_interval(line.checkpoint)};
  if (line.check && wanted.run.checkpoint.count() == 0) {
    throw std::invalid_argument{"--check starts jobs again, which needs checkpoints"};
  }
  if (line.backend == "rocksdb") {
    if (wanted.run.checkpoint.count() == 0) {
      throw std::invalid_argument{"--backend rocksdb needs checkpoints: leave out --checkpoint off"};
    }
    wanted.run.state = millstream::rocksdb();
  }
  wanted.input = {.generator = std::make_shared<nexmark::Generator>(line.generator), .events = line.events};
  wanted.rounds = line.rounds;
  wanted.json = line.json;
  wanted.results = line.results;
  for (const std::string& path : {line.json, line.results, line.dump}) {
    // Now, and not when all is measured.
    if (!path.empty() && !std::ofstream{path}) throw std::invalid_argument{"cannot write " + path};
  }
  return wanted;
}

void list() {
  for (const nexmark::Query& query : nexmark::all_queries()) std::printf("%-4s %s\n", query.name, query.what);
  std::printf("q3, q4, q6, q8, q9, q13 and q20 are joins, which Millstream cannot do yet\n");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{kAbout};
  CommandLine line;
  declare(app, line);
  CLI11_PARSE(app, argc, argv);
  if (line.list) {
    list();
    return 0;
  }
  nexmark::Wanted what;
  try {
    what = wanted(line);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nexmark: %s\n", error.what());
    return 2;
  }
  try {
    if (!line.dump.empty()) {
      nexmark::dump(what.input, line.dump);
      return 0;
    }
    if (line.check) return nexmark::check(what) ? 0 : 1;
    if (line.cost) return nexmark::compare_with_hand(what) ? 0 : 1;
    return nexmark::measure(what) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nexmark: %s\n", error.what());
    return 1;
  }
  return 0;
}
