// Command-line options by CLI11, and where the example's own data is found.
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <system_error>

namespace {

namespace fs = std::filesystem;

// Beside the program if it was copied somewhere with its data, else in the source tree.
std::string default_input() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    const fs::path beside = program.parent_path() / "data" / "flights.csv";
    if (fs::exists(beside, error)) return beside.string();
  }
  return MILLSTREAM_EXAMPLES_DATA "/flights.csv";
}

// The same folder, or one inside the other. Neither has to exist; the empty last part makes "a" and "a/" one.
bool overlap(const std::string& a, const std::string& b) {
  const std::string first = fs::weakly_canonical(fs::absolute(a) / "");
  const std::string second = fs::weakly_canonical(fs::absolute(b) / "");
  return first.starts_with(second) || second.starts_with(first);
}

std::optional<double> to_speed(const std::string& text) {
  double speed = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, speed);
  if (error != std::errc{} || stop != end || !std::isfinite(speed) || speed <= 0) return std::nullopt;
  return speed;
}

std::optional<std::chrono::nanoseconds> to_interval(const std::string& text) {
  double count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || !(count >= 0 && count < 1e6)) return std::nullopt;
  const std::string_view unit{stop, end};
  const double seconds = unit == "ms" ? 1e-3 : unit == "s" ? 1 : unit == "min" ? 60 : -1;
  if (seconds < 0) return std::nullopt;
  return std::chrono::nanoseconds{static_cast<std::int64_t>(count * seconds * 1e9)};
}

std::string must_not_be_empty(const std::string& text) { return text.empty() ? "needs a path, not an empty text" : ""; }

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  options.input = default_input();
  std::string speed = "max";
  std::string interval = "1s";
  CLI::App app{
      "Delays of 45,917 real US flights, for each airport in windows of 3 hours that slide by 1 hour, while the\n"
      "flights come in out of order. Shows the worst airports; Ctrl-C ends it with what has come in so far."};
  app.add_option("--input", options.input, "CSV file, or a quoted pattern of files that are read side by side")
      ->type_name("GLOB")
      ->check(must_not_be_empty)
      ->capture_default_str();
  app.add_option("--output", options.output,
                 "Write every result as JSON lines into this empty or new directory. Names that start with . are no\n"
                 "output: they are neither written nor counted")
      ->type_name("DIR")
      ->check(must_not_be_empty);
  app.add_option("--late", options.late,
                 "Write the flights that came too late for all windows into this directory; as for --output")
      ->type_name("DIR")
      ->check(must_not_be_empty);
  app.add_option("--shards", options.shards, "Threads, 1 to 64 [as many as there are cores]")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  app.add_option("--batch", options.batch, "Flights that travel together at the most, 1 to 1024")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_option("--speed", speed, "Replay at X times real time (3600: an hour a second), or max")
      ->type_name("X|max")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return text == "max" || to_speed(text) ? "" : "'" + text + "' is neither a positive number nor max";
      });
  app.add_option("--rate", options.rate, "Read so many flights a second at the most")
      ->type_name("RECORDS_PER_SECOND")
      ->check(CLI::PositiveNumber);
  app.add_option("--state-dir", options.state_dir,
                 "Keep checkpoints here: killed and started again, it goes on where it was, and what it writes\n"
                 "is there once")
      ->type_name("DIR")
      ->check(must_not_be_empty);
  app.add_option("--checkpoint-interval", interval, "Time between checkpoints, such as 100ms or 2s")
      ->type_name("TIME")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return to_interval(text) ? "" : "'" + text + "' is no time such as 100ms, 2s or 1min";
      });
  app.add_flag("--json", options.json, "Print one JSON object with the figures of the run instead of the table");
  try {
    app.parse(argc, argv);
    options.speed = to_speed(speed);
    options.checkpoint_interval = *to_interval(interval);
    if (options.speed && options.rate) throw CLI::ValidationError{"--rate", "and --speed exclude each other"};
    for (const auto& directory : {options.output, options.late}) {
      if (!options.state_dir || !directory || !overlap(*options.state_dir, *directory)) continue;
      throw CLI::ValidationError{"--state-dir", "needs a directory beside those of --output and --late"};
    }
    if (options.output && options.late && overlap(*options.output, *options.late)) {
      throw CLI::ValidationError{"--late", "needs another directory than --output, beside it and not inside"};
    }
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  } catch (const fs::filesystem_error& error) {
    std::cerr << error.what() << '\n';
    exit_code = 2;
    return std::nullopt;
  }
  return options;
}
