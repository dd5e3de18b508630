// Command-line options by CLI11.
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace {

using millstream::kafka::Guarantee;

std::string must_not_be_empty(const std::string& text) {
  return text.empty() ? "needs a value, not an empty text" : "";
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  std::int64_t interval_ms = options.checkpoint_interval.count();
  CLI::App app{
      "Keeps count and sum of what each card has paid, from a Kafka topic to a Kafka topic, exactly once.\n"
      "\n"
      "For each message of the input, such as {\"card\":\"ann\",\"cents\":250,\"at\":\"2024-05-17T12:00:00Z\"}, it "
      "writes\n"
      "{\"card\":\"ann\",\"count\":3,\"cents\":900,\"partition\":0,\"offset\":17}, keyed by card: what that card has "
      "come to,\n"
      "and where in the input the message stands. Killed at any time and started again with the same --state-dir it\n"
      "goes on where it was, and readers of committed messages see each result once. SIGTERM and Ctrl-C stop it with\n"
      "a last checkpoint.\n"};
  app.get_formatter()->column_width(34);
  app.add_option("--brokers", options.brokers, "Some of the cluster's brokers: host:port,host:port")
      ->type_name("HOST:PORT")
      ->required()
      ->check(must_not_be_empty);
  app.add_option("--input-topic", options.input_topic, "Topic of the payments; it must exist")
      ->type_name("TOPIC")
      ->required()
      ->check(must_not_be_empty);
  app.add_option("--output-topic", options.output_topic, "Topic of the totals; it must exist")
      ->type_name("TOPIC")
      ->required()
      ->check(must_not_be_empty);
  app.add_option("--state-dir", options.state_dir, "Folder of the checkpoints, for this program alone")
      ->type_name("DIR")
      ->required()
      ->check(must_not_be_empty);
  app.add_option("--checkpoint-interval", interval_ms,
                 "Time between checkpoints, such as 100ms or 2s: committed totals come as late as this")
      ->type_name("TIME")
      ->default_str("100ms")
      ->transform(
          CLI::AsNumberWithUnit(std::map<std::string, std::int64_t>{{"ms", 1}, {"s", 1000}, {"min", 60'000}},
                                static_cast<CLI::AsNumberWithUnit::Options>(CLI::AsNumberWithUnit::CASE_SENSITIVE |
                                                                            CLI::AsNumberWithUnit::UNIT_REQUIRED),
                                "TIME"))
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{600'000}, "1ms to 10min"));
  app.add_option("--shards", options.shards, "Threads, 1 to 64 [as many as there are cores]")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  app.add_option("--instance", options.instance,
                 "This process is number I, from 0, of --instances that share the input: it reads the partitions p\n"
                 "with p % N == I, and needs a state folder of its own. The input must be keyed by card then, or a\n"
                 "card has a total in each of them")
      ->type_name("I");
  app.add_option("--instances", options.instances, "How many share the input")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_option("--guarantee", options.guarantee,
                 "exactly_once, or at_least_once: after a crash totals since the last checkpoint come again")
      ->type_name("G")
      ->default_str("exactly_once")
      ->transform(CLI::Transformer(std::map<std::string, Guarantee>{{"at_least_once", Guarantee::kAtLeastOnce}}));
  app.add_option("--dead-letter-topic", options.dead_letter_topic,
                 "Where messages go that are no such JSON, with place and reason [they stop the program]")
      ->type_name("TOPIC")
      ->check(must_not_be_empty);
  app.add_flag("--stop-at-end", options.stop_at_end, "End where the input ended when the program was started");
  try {
    app.parse(argc, argv);
    options.checkpoint_interval = std::chrono::milliseconds{interval_ms};
    if (options.instance >= options.instances) {
      throw CLI::ValidationError{"--instance", "counts from 0 and must be below --instances"};
    }
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  return options;
}
