// Command-line options by CLI11.
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <string_view>
#include <system_error>

namespace {

using millstream::kafka::Guarantee;

// "100ms", "2s" or "1min", up to ten minutes.
std::optional<std::chrono::milliseconds> to_interval(const std::string& text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || count < 1 || count > 600'000) return std::nullopt;
  const std::string_view unit{stop, end};
  const std::int64_t ms = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "min" ? 60'000 : 0;
  if (ms == 0 || count * ms > 600'000) return std::nullopt;
  return std::chrono::milliseconds{count * ms};
}

std::optional<Guarantee> to_guarantee(const std::string& text) {
  if (text == "exactly_once") return Guarantee::kExactlyOnce;
  if (text == "at_least_once") return Guarantee::kAtLeastOnce;
  return std::nullopt;
}

std::string must_not_be_empty(const std::string& text) {
  return text.empty() ? "needs a value, not an empty text" : "";
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  std::string interval = "100ms";
  std::string guarantee = "exactly_once";
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
  app.get_formatter()->column_width(32);
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
  app.add_option("--state-dir", options.state_dir,
                 "Folder of the checkpoints, for this program alone; for\nall instances with --keyed")
      ->type_name("DIR")
      ->required()
      ->check(must_not_be_empty);
  app.add_option("--checkpoint-interval", interval,
                 "Time between checkpoints, such as 100ms or 2s, up to 10min: committed\n"
                 "totals come as late as this")
      ->type_name("TIME")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return to_interval(text) ? "" : "'" + text + "' is no time such as 100ms, 2s or 1min, up to 10min";
      });
  app.add_option("--shards", options.shards, "Threads, 1 to 64 [as many as there are cores]")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  app.add_option("--restarts", options.restarts,
                 "How often in a row it begins again by itself after a failure that may heal, as\n"
                 "when its transaction was open for too long")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--instance", options.instance,
                 "This process is number I, from 0, of --instances that share the input: it\n"
                 "reads the partitions p with p % N == I, and needs a state folder of its own,\n"
                 "or --keyed")
      ->type_name("I")
      ->capture_default_str();
  app.add_option("--instances", options.instances,
                 "How many share the input, 1 to 1024. With more than one each card must be in\n"
                 "one partition only, as where the messages' keys are the cards: nothing checks\n"
                 "that, and a card in several would have a wrong total in each process")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_flag("--keyed", options.keyed,
               "Each card is in one partition only, also in a single process. All instances have\n"
               "the same --state-dir, and their number may change: stop all of them, and start\n"
               "as many as you like");
  app.add_option("--guarantee", guarantee,
                 "exactly_once, or at_least_once: after a crash the totals since the last\n"
                 "checkpoint come again")
      ->type_name("exactly_once|at_least_once")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return to_guarantee(text) ? "" : "'" + text + "' is neither exactly_once nor at_least_once";
      });
  app.add_option("--dead-letter-topic", options.dead_letter_topic,
                 "Where messages go that are no such JSON, as they are, with headers that say their\n"
                 "place and the reason [they stop the program]")
      ->type_name("TOPIC")
      ->check(must_not_be_empty);
  app.add_option("--group", options.group,
                 "Consumer group of what read the input before: begin where it stood, and go on in\n"
                 "this group [begin at the earliest message]")
      ->type_name("GROUP")
      ->check(must_not_be_empty);
  app.add_flag("--stop-at-end", options.stop_at_end, "End where the input ended when the program was started");
  try {
    app.parse(argc, argv);
    options.checkpoint_interval = *to_interval(interval);
    options.guarantee = *to_guarantee(guarantee);
    if (options.instance >= options.instances) {
      throw CLI::ValidationError{"--instance", "counts from 0 and must be below --instances"};
    }
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  return options;
}
