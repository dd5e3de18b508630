// peers_kafka: the works from Kafka to Kafka, by Millstream and by hand, the broker of all systems, and the kills of
// `recovery`, for run.sh, which drives it; ../README.md says how.
//   peers_kafka --broker                                       starts one, and does what it reads
//   peers_kafka --system hand|millstream --work kafka_copy|kafka_keyed --brokers HOST:PORT ...
//   peers_kafka --system millstream --work recovery --brokers HOST:PORT --number N ...
//   peers_kafka --recover --brokers HOST:PORT --input TOPIC --output TOPIC --kills N -- COMMAND...
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "kafka/broker.hpp"
#include "kafka/rows.hpp"
#include "peers/kafka/recovery.hpp"
#include "peers/serve.hpp"

namespace {

using namespace peers;

struct Settings {
  std::string system = "millstream";
  std::string work;
  std::string brokers;
  std::int64_t records = 1'000'000;
  std::int64_t checkpoint_ms = 1000;
  std::string folder;
  std::string input;
  std::string output;
  int number = 0;
  int kills = 5;
  double warmup = 0;
  std::vector<std::string> command;
  bool broker = false;
  bool recover = false;
};

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// A command a line: topic NAME, fill TOPIC RECORDS BYTES, digest TOPIC, delete TOPIC.
void obey(kafka_bench::Broker& broker, const std::string& line) {
  std::istringstream words{line};
  std::string command, topic;
  words >> command >> topic;
  if (command == "topic") {
    say("done " + broker.make_topic(topic));
  } else if (command == "fill") {
    std::int64_t records = 0;
    std::size_t bytes = 0;
    words >> records >> bytes;
    broker.fill(topic, records, bytes);
    say("done");
  } else if (command == "digest") {
    const kafka_bench::Digest digest = kafka_bench::digest_of(broker.brokers(), topic);
    say("done " + std::to_string(digest.messages) + ":" + std::to_string(digest.sum));
  } else if (command == "delete") {
    broker.delete_topic(topic);
    say("done");
  } else {
    throw std::runtime_error{"no such command: " + line};
  }
}

int be_broker(const Settings& settings) {
  bool skipped = false;
  kafka_bench::Broker broker{settings.brokers, skipped};
  if (skipped) {
    say("error no java, or the broker's jars are not there: run tests/connectors/kafka/kafka_broker.sh fetch");
    return 3;
  }
  say("ready " + broker.brokers());
  for (std::string line; std::getline(std::cin, line) && line != "exit";) obey(broker, line);
  return 0;
}

void serve_work(const Settings& settings) {
  kafka_bench::Run run{.row = settings.work == "kafka_copy" ? kafka_bench::Row::kCopy : kafka_bench::Row::kKeyed,
                       .brokers = settings.brokers,
                       .records = settings.records,
                       .checkpoint = std::chrono::milliseconds{settings.checkpoint_ms}};
  const bool by_hand = settings.system == "hand";
  // No run to warm up: the first round is as good as any.
  serve({.version = by_hand ? rd_kafka_version_str() : PEERS_VERSION,
         .warmup_seconds = -1,
         .run = [&](const std::string& topics) {
           std::istringstream words{topics};
           words >> run.input >> run.output;
           run.name = run.output;
           const kafka_bench::Cost cost = by_hand ? run_by_hand(run) : run_by_millstream(run);
           return Outcome{.seconds = cost.seconds, .cpu_seconds = cost.cpu_seconds};
         }});
}

// recovery MEDIAN STARTED SECONDS...: medians, and the times of all kills.
void recover(const Settings& settings) {
  const std::vector<Recovery> all = measure_recovery({.brokers = settings.brokers,
                                                      .input = settings.input,
                                                      .output = settings.output,
                                                      .kills = settings.kills,
                                                      .command = settings.command});
  const auto median = [&](double Recovery::* member) {
    std::vector<double> values;
    for (const Recovery& one : all) values.push_back(one.*member);
    std::sort(values.begin(), values.end());
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
  };
  std::printf("recovery %.6f %.6f", median(&Recovery::seconds), median(&Recovery::started_seconds));
  for (const Recovery& one : all) std::printf(" %.6f", one.seconds);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{"The works from Kafka to Kafka of the comparison with other engines"};
  app.add_flag("--broker", settings.broker, "Starts a broker and does what it reads");
  app.add_flag("--recover", settings.recover, "Kills the command behind -- and starts it again");
  app.add_option("--system", settings.system)->check(CLI::IsMember({"millstream", "hand"}))->capture_default_str();
  app.add_option("--work", settings.work)->check(CLI::IsMember({"kafka_copy", "kafka_keyed", "recovery"}));
  app.add_option("--brokers", settings.brokers, "host:port");
  app.add_option("--records", settings.records, "Messages of the input")->check(CLI::PositiveNumber);
  app.add_option("--checkpoint", settings.checkpoint_ms, "Milliseconds")->check(CLI::PositiveNumber);
  app.add_option("--folder", settings.folder, "Of the state; of recovery");
  app.add_option("--input", settings.input, "Topic; of recovery");
  app.add_option("--output", settings.output, "Topic; of recovery");
  app.add_option("--number", settings.number, "Of the process; of recovery");
  app.add_option("--kills", settings.kills, "Of --recover")->check(CLI::Range(1, 1000));
  app.add_option("--warmup", settings.warmup, "Taken and not heeded: no run is needed to warm up");
  app.add_option("COMMAND", settings.command, "Of --recover, behind --");
  CLI11_PARSE(app, argc, argv);
  try {
    if (settings.broker) return be_broker(settings);
    if (settings.recover) {
      recover(settings);
    } else if (settings.work == "recovery") {
      say("started");
      return run_recovery_job({.brokers = settings.brokers,
                               .input = settings.input,
                               .output = settings.output,
                               .folder = settings.folder,
                               .checkpoint = std::chrono::milliseconds{settings.checkpoint_ms},
                               .number = settings.number});
    } else {
      serve_work(settings);
    }
    return 0;
  } catch (const std::exception& error) {
    say(std::string{"error "} + error.what());
    return 1;
  }
}
