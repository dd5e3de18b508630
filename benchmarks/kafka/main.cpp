// kafka: what exactly once from Kafka to Kafka costs, beside a hand-written transactional loop over librdkafka with the
// same settings, on a real broker. Runs are interleaved; a row counts only if the outputs are equal.
//   kafka [--records N] [--bytes B] [--checkpoint INTERVAL] [--rounds N] [--kills N] [--json FILE] [--brokers
//   HOST:PORT]
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <vector>

#include "kafka/broker.hpp"
#include "kafka/end_to_end.hpp"
#include "kafka/recovery.hpp"
#include "kafka/rows.hpp"

namespace {

using namespace kafka_bench;

struct Settings {
  std::int64_t records = 2'000'000;
  std::size_t bytes = 100;
  std::int64_t checkpoint_ms = 1000;
  int rounds = 5;
  std::int64_t rate = 50'000;
  int seconds = 10;
  int kills = 5;
  double slow_fetch_seconds = 2;  // as docs/connectors/kafka.md says for librdkafka before 2.2
  std::int64_t behind_ms_max = 0;
  std::vector<std::string> only;
  [[nodiscard]] bool wants(const std::string& row) const {
    return only.empty() || std::find(only.begin(), only.end(), row) != only.end();
  }
  std::string brokers;
  std::string json;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

template <class Number>
std::string array_of(const std::vector<Number>& numbers) {
  std::string text = "[";
  for (const Number number : numbers) text.append(text.size() > 1 ? "," : "").append(std::to_string(number));
  return text.append("]");
}

class Contender {
 public:
  void add(const Cost& cost, std::int64_t records) {
    rates_.push_back(static_cast<double>(records) / cost.seconds);
    cpu_.push_back(cost.cpu_seconds / (static_cast<double>(records) * 1e-6));
    behind_ms_ = std::max(behind_ms_, cost.behind_ms);
  }
  [[nodiscard]] double rate() const { return median(rates_); }
  [[nodiscard]] double cpu() const { return median(cpu_); }
  /// At most, of all rounds: one that pauses is enough.
  [[nodiscard]] double behind_ms() const { return behind_ms_; }
  [[nodiscard]] const std::vector<double>& rates() const { return rates_; }

 private:
  std::vector<double> rates_;
  std::vector<double> cpu_;
  double behind_ms_ = 0;
};

class Benchmark {
 public:
  Benchmark(Broker& broker, const Settings& settings) : broker_{broker}, settings_{settings} {}

  bool run() {
    std::printf("%-10s %14s %14s %14s %8s %8s %24s\n", "row", "by hand", "exactly once", "at least once", "ratio",
                "eo/alo", "CPU s/M: hand, eo, alo");
    bool equal = true;
    for (const Run& wanted : {Run{.row = Row::kCopy, .name = "copy"}, Run{.row = Row::kKeyed, .name = "keyed"},
                              Run{.row = Row::kWindowed, .name = "windowed"}}) {
      if (!settings_.wants(wanted.name)) continue;
      if (input_.empty()) {
        input_ = broker_.make_topic("input");
        broker_.fill(input_, settings_.records, settings_.bytes);
      }
      equal &= row(wanted);
    }
    if (!input_.empty()) broker_.delete_topic(input_);
    if (settings_.wants("slow")) equal &= slow_row();
    if (settings_.seconds > 0) latency();
    if (settings_.kills > 0) recovery();
    return equal && in_time_;
  }
  [[nodiscard]] std::string json() const { return "[" + json_ + "]\n"; }

 private:
  /// Takes fewer messages than brokers send: what is fetched reaches its limit again and again. A client that pauses
  /// there for longer than what it has lasts falls behind the pace.
  bool slow_row() {
    constexpr std::int64_t kPace = 100'000;
    constexpr std::int64_t kSeconds = 5;
    Run run{.row = Row::kCopy, .name = "slow", .records = std::min(settings_.records, kSeconds * kPace), .pace = kPace};
    run.fetch_bytes_max =
        static_cast<std::size_t>(settings_.slow_fetch_seconds * static_cast<double>(kPace)) * (settings_.bytes + 8);
    input_ = broker_.make_topic("slow-input");
    // Compressed, one fetch would bring many times the bytes that it is asked for, and last through a pause.
    broker_.fill(input_, run.records, settings_.bytes, "none");
    const bool equal = row(run);
    broker_.delete_topic(input_);
    return equal;
  }

  bool row(Run run) {
    const std::string name = run.name;
    if (run.records == 0) run.records = settings_.records;
    Contender hand, exactly, least;
    std::vector<double> ratios;
    bool equal = true;
    for (int round = 0; round < settings_.rounds; ++round) {
      Digest expected;
      const double by_hand = one(run, run_by_hand, true, hand, expected, equal);
      ratios.push_back(one(run, run_by_millstream, true, exactly, expected, equal) / by_hand);
      one(run, run_by_millstream, false, least, expected, equal);
    }
    std::printf("%-10s %14.0f %14.0f %14.0f %8.2f %8.2f %8.2f %7.2f %7.2f%s\n", name.c_str(), hand.rate(),
                exactly.rate(), least.rate(), median(ratios), exactly.rate() / least.rate(), hand.cpu(), exactly.cpu(),
                least.cpu(), equal ? "" : "  WRONG RESULTS");
    if (run.pace > 0) print_behind(run, hand, exactly, least);
    std::fflush(stdout);
    json_ +=
        (json_.empty() ? "" : ",\n ") + std::string{"{\"name\":\"kafka_"} + name +
        "\",\"records\":" + std::to_string(run.records) + ",\"bytes\":" + std::to_string(settings_.bytes) +
        ",\"by_hand\":" + std::to_string(hand.rate()) + ",\"exactly_once\":" + std::to_string(exactly.rate()) +
        ",\"at_least_once\":" + std::to_string(least.rate()) + ",\"cpu_by_hand\":" + std::to_string(hand.cpu()) +
        ",\"cpu_exactly_once\":" + std::to_string(exactly.cpu()) +
        (run.pace > 0 ? ",\"behind_ms\":" + std::to_string(std::max(exactly.behind_ms(), least.behind_ms())) : "") +
        ",\"ratios\":" + array_of(ratios) + ",\"equal\":" + (equal ? "true" : "false") + "}";
    return equal;
  }

  void print_behind(const Run& run, const Contender& hand, const Contender& exactly, const Contender& least) {
    constexpr double kPauseMs = 500;  // a client that pauses does for a second
    const double behind_ms = std::max(exactly.behind_ms(), least.behind_ms());
    std::printf("%-10s at most %.0f, %.0f, %.0f ms behind %lld messages/s, with a limit of %zu KiB%s\n", "",
                hand.behind_ms(), exactly.behind_ms(), least.behind_ms(), static_cast<long long>(run.pace),
                run.fetch_bytes_max >> 10, behind_ms > kPauseMs ? ": IT PAUSES" : "");
    in_time_ = settings_.behind_ms_max == 0 || behind_ms <= static_cast<double>(settings_.behind_ms_max);
  }

  /// Messages a second. The first output is what the others have to be equal to.
  double one(Run run, Cost (*contend)(const Run&), bool exactly_once, Contender& contender, Digest& expected,
             bool& equal) {
    run.brokers = broker_.brokers();
    run.input = input_;
    run.output = run.name = broker_.make_topic(run.name);
    run.checkpoint = std::chrono::milliseconds{settings_.checkpoint_ms};
    run.exactly_once = exactly_once;
    const Cost cost = contend(run);
    const Digest digest = digest_of(run.brokers, run.output, {.partitions = true, .timestamps = run.row == Row::kCopy});
    broker_.delete_topic(run.output);
    if (expected.messages == 0) expected = digest;
    equal = equal && digest.messages > 0 && digest == expected;
    contender.add(cost, run.records);
    return static_cast<double>(run.records) / cost.seconds;
  }

  void latency() {
    const std::string input = broker_.make_topic("paced");
    const std::string output = broker_.make_topic("end-to-end");
    const EndToEnd found = end_to_end({.broker = broker_.brokers(),
                                       .input = input,
                                       .output = output,
                                       .rate = settings_.rate,
                                       .seconds = settings_.seconds,
                                       .bytes = settings_.bytes,
                                       .checkpoint = std::chrono::milliseconds{settings_.checkpoint_ms}});
    std::printf("end to end at %lld/s, checkpoints of %lld ms: p50 %.1f ms, p99 %.1f ms, of %lld messages\n",
                static_cast<long long>(settings_.rate), static_cast<long long>(settings_.checkpoint_ms), found.p50_ms,
                found.p99_ms, static_cast<long long>(found.messages));
    json_ += ",\n {\"name\":\"kafka_end_to_end\",\"rate\":" + std::to_string(settings_.rate) + ",\"p50_us\":[" +
             std::to_string(found.p50_ms * 1000) + "],\"p99_us\":[" + std::to_string(found.p99_ms * 1000) + "]}";
  }

  void recovery() {
    constexpr std::int64_t kCheckpointMs = 100;
    constexpr std::int64_t kRate = 10'000;
    RecoverySettings wanted{.rate = kRate, .kills = settings_.kills};
    wanted.job.brokers = broker_.brokers();
    wanted.job.input = broker_.make_topic("recovery-input");
    wanted.job.output = broker_.make_topic("recovery");
    wanted.job.state_dir = (std::filesystem::temp_directory_path() / wanted.job.output).string();
    wanted.job.checkpoint = std::chrono::milliseconds{kCheckpointMs};
    std::vector<Recovery> all = recoveries(wanted);
    std::sort(all.begin(), all.end(), [](const Recovery& a, const Recovery& b) { return a.took_ms < b.took_ms; });
    std::vector<double> took;
    for (const Recovery& each : all) took.push_back(each.took_ms);
    std::printf("from SIGKILL to the first output, checkpoints of %lld ms: median %.0f ms, most %.0f ms, of %d kills\n",
                static_cast<long long>(kCheckpointMs), median(took), took.back(), settings_.kills);
    const Recovery& middle = all[(all.size() - 1) / 2];
    json_ += ",\n {\"name\":\"kafka_recovery\",\"kills\":" + std::to_string(settings_.kills) +
             ",\"median_ms\":" + std::to_string(median(took)) + ",\"max_ms\":" + std::to_string(took.back()) +
             ",\"recoveries_ms\":" + array_of(took) + ",\"timeline\":{\"took_ms\":" + std::to_string(middle.took_ms) +
             ",\"at_ms\":" + array_of(middle.at_ms) + ",\"written\":" + array_of(middle.written) +
             ",\"read\":" + array_of(middle.read) + "}}";
  }

  Broker& broker_;
  const Settings& settings_;
  std::string input_;
  std::string json_;
  bool in_time_ = true;
};

bool to_ms(const std::string& text, std::int64_t& ms) {
  std::size_t end = 0;
  try {
    ms = std::stoll(text, &end);
  } catch (const std::exception&) {
    return false;
  }
  const std::string unit = text.substr(end);
  if (unit == "s") ms *= 1000;
  return (unit == "s" || unit == "ms") && ms > 0 && ms <= 600'000;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{
      "What exactly once from Kafka to Kafka costs, beside a hand-written transactional loop over librdkafka with the\n"
      "same settings, on a real broker: messages a second and CPU seconds of the client for a million of them, "
      "medians\n"
      "of the rounds. Ends with 1 where the outputs differ or --max-behind says so, and with 3 where no broker can be "
      "started"};
  std::string checkpoint = "1s";
  app.add_option("--records", settings.records, "Messages of a run")->check(CLI::Range(1000, 100'000'000));
  app.add_option("--bytes", settings.bytes, "Bytes of a value")->check(CLI::Range(12, 100'000));
  app.add_option("--checkpoint", checkpoint, "Time between checkpoints, which are transactions: 100ms or 1s")
      ->check([&](const std::string& text) {
        return to_ms(text, settings.checkpoint_ms) ? "" : "'" + text + "' is no time such as 100ms or 1s";
      });
  app.add_option("--rounds", settings.rounds, "Runs of each row")->check(CLI::Range(1, 100));
  app.add_option("--rate", settings.rate, "Messages a second for the end-to-end latency")
      ->check(CLI::Range(100, 1'000'000));
  app.add_option("--seconds", settings.seconds, "Of the end-to-end latency; 0 = leave it out")
      ->check(CLI::Range(0, 600));
  app.add_option("--brokers", settings.brokers, "host:port of a broker of yours [starts one]");
  app.add_option("--kills", settings.kills, "Of the time of recovery; 0 = leave it out")->check(CLI::Range(0, 1000));
  app.add_option("--only", settings.only, "Rows to run: copy,keyed,windowed,slow [all]")
      ->delimiter(',')
      ->check(CLI::IsMember({"copy", "keyed", "windowed", "slow"}));
  app.add_option("--slow-fetch-seconds", settings.slow_fetch_seconds,
                 "What the row slow may have fetched, in seconds of its pace; at least 1 MiB a partition")
      ->check(CLI::Range(0.01, 60.0));
  app.add_option("--max-behind", settings.behind_ms_max,
                 "Ends with 1 where the row slow falls further behind its pace, in ms; 0 = it only says so")
      ->check(CLI::Range(0, 60'000));
  app.add_option("--json", settings.json, "Writes the rows to this file");
  // For the program itself, which starts the job that it kills.
  JobProcess job;
  app.add_option("--job-process", job.number)->group("");
  app.add_option("--input", job.input)->group("");
  app.add_option("--output", job.output)->group("");
  app.add_option("--state-dir", job.state_dir)->group("");
  CLI11_PARSE(app, argc, argv);
  to_ms(checkpoint, settings.checkpoint_ms);
  if (settings.behind_ms_max > 0 && !settings.wants("slow")) {
    std::fprintf(stderr, "kafka: --max-behind is about the row slow, which --only leaves out\n");
    return 2;
  }
  if (job.number > 0) {
    job.brokers = settings.brokers;
    job.checkpoint = std::chrono::milliseconds{settings.checkpoint_ms};
    return run_job(job);
  }
  try {
    bool skipped = false;
    Broker broker{settings.brokers, skipped};
    if (skipped) {
      std::printf("no java or jars: run kafka_broker.sh fetch\n");
      return 3;
    }
    Benchmark benchmark{broker, settings};
    const bool good = benchmark.run();
    if (!settings.json.empty()) {
      std::FILE* file = std::fopen(settings.json.c_str(), "w");
      if (file == nullptr || std::fputs(benchmark.json().c_str(), file) < 0 || std::fclose(file) != 0) {
        throw std::runtime_error{settings.json + " cannot be written"};
      }
    }
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kafka: %s\n", error.what());
    return 2;
  }
}
