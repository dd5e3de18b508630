// The command line of kafka_card_totals.
#pragma once

#include <chrono>
#include <cstdint>
#include <millstream/connectors/kafka/sink_options.hpp>
#include <optional>
#include <string>

struct Options {
  std::string brokers;
  std::string input_topic;
  std::string output_topic;
  std::string state_dir;
  std::chrono::milliseconds checkpoint_interval{100};
  std::uint32_t shards = 0;    ///< 0 = as many as there are cores
  std::uint32_t restarts = 0;  ///< in a row, after failures that may heal
  std::uint32_t instance = 0;
  std::uint32_t instances = 1;
  bool keyed = false;  ///< each card is in one partition: `instances` may change from one start to the next
  millstream::kafka::Guarantee guarantee = millstream::kafka::Guarantee::kExactlyOnce;
  std::optional<std::string> dead_letter_topic;
  std::string group;  ///< of what read the input before; empty = nothing did
  bool stop_at_end = false;
};

/// Reads the command line. Nothing: the program shall end with `exit_code`, for what there was to say has been said.
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);
