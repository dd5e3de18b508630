// How old a message of the input is when a reader of committed messages has its copy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace kafka_bench {

struct EndToEndSettings {
  std::string broker;
  std::string input;
  std::string output;
  std::int64_t rate = 0;  // messages a second
  int seconds = 0;
  std::size_t bytes = 0;
  std::chrono::milliseconds checkpoint{100};
};

struct EndToEnd {
  double p50_ms = 0;
  double p99_ms = 0;
  std::int64_t messages = 0;
};

/// A writer and a reader on threads of their own, Millstream's copy, exactly once, between them. Counts from when a
/// message was due, not from when it was written, and leaves the first second out. Throws std::runtime_error where a
/// message is missing.
[[nodiscard]] EndToEnd end_to_end(const EndToEndSettings& settings);

}  // namespace kafka_bench
