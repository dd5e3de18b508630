// bad_records: what malformed input costs. Reads a file of which 30 % of the records are malformed, and one of as many
// bytes without any, and compares the time of both; skipped and as dead letters, JSON lines and CSV, one shard.
//   bad_records [--megabytes N] [--rounds N] [--max-ratio R]
// Rounds of both sides are interleaved; medians are reported. With --max-ratio a row beyond it ends the program with 1.
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/describe.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "millstream/connectors/file.hpp"
#include "millstream/core/random.hpp"
#include "millstream/millstream.hpp"

namespace {

namespace ms = millstream;

struct Order {
  std::uint64_t id = 0;
  std::string user;
  std::int64_t cents = 0;
  ms::Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, user, cents, at))

/// What a run must have seen.
struct Totals {
  std::uint64_t good = 0;
  std::int64_t cents = 0;
  std::uint64_t bad = 0;
  std::uint64_t letter_bytes = 0;
  friend bool operator==(const Totals&, const Totals&) = default;
};

struct OrderTotals {
  std::shared_ptr<Totals> totals;
  void write(const Order& order) const {
    ++totals->good;
    totals->cents += order.cents;
  }
};

struct LetterTotals {
  std::shared_ptr<Totals> totals;
  void write(const ms::DeadLetter& letter) const { totals->letter_bytes += letter.bytes.size(); }
};

/// A file and what is in it.
struct Input {
  std::string path;
  Totals totals;
};

// Faults of the usual kinds, each in a record of the usual length: wrong type, missing field, cut off.
std::string malformed(const std::string& line, bool csv, std::uint64_t kind) {
  if (kind == 0) return line.substr(0, line.size() / 2);
  const std::size_t digits = line.find_first_of("0123456789", csv ? 0 : line.find("\"id\""));
  if (kind == 1) return std::string{line}.replace(digits, 1, csv ? "x" : "\"x\"");
  return csv ? line + ",more" : std::string{line}.replace(line.find("\"cents\""), 7, "\"pence\"");
}

Input make_input(const std::string& path, bool csv, double bad_share, std::size_t bytes) {
  ms::Random random{1};
  Input input{path, {}};
  std::string text;
  if (csv) ms::CsvEncoder<Order>::header(text);
  std::string line;
  for (std::uint64_t id = 1'000'000; text.size() < bytes; ++id) {
    const Order order{id, "user-" + std::to_string(random.below(10'000)), random.between(1, 100'000),
                      ms::Timestamp{std::chrono::seconds{static_cast<std::int64_t>(id)}}};
    line.clear();
    if (csv) {
      ms::CsvEncoder<Order>::row(order, line);
      line.pop_back();
    } else {
      ms::encode_json(order, line);
    }
    if (random.chance(bad_share)) {
      line = malformed(line, csv, random.below(3));
      ++input.totals.bad;
      input.totals.letter_bytes += line.size();
    } else {
      ++input.totals.good;
      input.totals.cents += order.cents;
    }
    text.append(line).push_back('\n');
  }
  std::ofstream{path, std::ios::binary} << text;
  return input;
}

/// Seconds for one run; throws where its totals are not those of the input.
double read(const Input& input, ms::OnError policy) {
  const auto totals = std::make_shared<Totals>();
  ms::Dataflow flow{"bad-records"};
  auto orders = flow.from(ms::file::source<Order>({.path = input.path, .on_bad_record = policy})).named("orders");
  orders.to(OrderTotals{totals});
  const bool letters = policy == ms::OnError::kDeadLetter;
  if (letters) orders.side_output(ms::dead_letters).to(LetterTotals{totals});
  const auto start = std::chrono::steady_clock::now();
  const ms::JobResult result = ms::run(flow, {.shards = 1, .calling_thread = true});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (!result.ok()) throw std::runtime_error{result.status.message()};
  totals->bad = result.metrics.stage("orders")->skipped;
  if (!letters) totals->letter_bytes = input.totals.letter_bytes;
  if (*totals != input.totals) throw std::runtime_error{"DIFFERENT results for " + input.path};
  return seconds.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// The ratio of the medians, which it reports.
double measure(const char* name, const Input& clean, const Input& bad, ms::OnError policy, int rounds,
               double megabytes) {
  std::vector<double> clean_seconds;
  std::vector<double> bad_seconds;
  std::vector<double> ratios;
  for (int round = 0; round <= rounds; ++round) {
    const double of_clean = read(clean, policy);
    const double of_bad = read(bad, policy);
    if (round == 0) continue;  // brings caches and the allocator to where they stay
    clean_seconds.push_back(of_clean);
    bad_seconds.push_back(of_bad);
    ratios.push_back(of_bad / of_clean);
  }
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  const double ratio = median(bad_seconds) / median(clean_seconds);
  std::printf("%-18s %8.1f %8.1f %7.2f %7.2f - %5.2f equal\n", name, megabytes / median(clean_seconds),
              megabytes / median(bad_seconds), ratio, *least, *most);
  std::fflush(stdout);
  return ratio;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"What 30 % of malformed records cost, beside clean input of as many bytes"};
  std::size_t megabytes = 50;
  int rounds = 5;
  app.add_option("--megabytes", megabytes, "Size of each input")->check(CLI::Range(1, 10'000))->capture_default_str();
  app.add_option("--rounds", rounds, "Interleaved rounds")->check(CLI::PositiveNumber)->capture_default_str();
  double max_ratio = std::numeric_limits<double>::infinity();
  app.add_option("--max-ratio", max_ratio,
                 "Exit status 1 if malformed input takes longer than this many times clean input")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  std::string folder = (std::filesystem::temp_directory_path() / "millstream-bad-records-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    std::perror("bad_records: cannot make a folder");
    return 1;
  }
  int exit_code = 0;
  try {
    std::printf("%-18s %8s %8s %7s %15s results\n", "row", "MB/s", "30 % bad", "ratio", "min - max");
    for (const bool csv : {false, true}) {
      const std::string suffix = csv ? ".csv" : ".jsonl";
      const Input clean = make_input(folder + "/clean" + suffix, csv, 0, megabytes << 20);
      const Input bad = make_input(folder + "/bad" + suffix, csv, 0.3, megabytes << 20);
      const double size = static_cast<double>(megabytes << 20) / 1e6;
      const auto row = [&](const char* name, ms::OnError policy) {
        const double ratio = measure(name, clean, bad, policy, rounds, size);
        if (ratio <= max_ratio) return;
        std::fprintf(stderr, "bad_records: %s: the ratio %.2f is beyond %.2f\n", name, ratio, max_ratio);
        exit_code = 1;
      };
      row(csv ? "csv_skip" : "json_skip", ms::OnError::kSkip);
      row(csv ? "csv_dead_letter" : "json_dead_letter", ms::OnError::kDeadLetter);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bad_records: %s\n", error.what());
    exit_code = 1;
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return exit_code;
}
