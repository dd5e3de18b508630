// The command line of the demo.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

struct Options {
  std::string input;  ///< a file or a pattern
  std::optional<std::string> output;
  std::optional<std::string> late;
  std::uint32_t shards = 0;  ///< 0 = as many as there are cores
  std::uint32_t batch = 1024;
  std::optional<double> speed;  ///< nothing = as fast as possible
  std::optional<double> rate;   ///< flights a second; nothing = as fast as possible
  std::optional<std::string> state_dir;
  std::chrono::nanoseconds checkpoint_interval{0};
  bool json = false;
};

/// Reads the command line. Nothing: the program shall end with `exit_code`, for what there was to say has been said.
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);
