// The job that is killed, and what it reads and writes. Its input is files of readings, its output folders of rows; all
// that it gives out is a function of the input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millstream::crash {

/// A line of the input. The sensors of a file are in no other file, so the readings of a sensor have an order.
struct Reading {
  std::int64_t sensor = 0;
  std::int64_t value = 0;
  std::int64_t at = 0;  ///< milliseconds since 1970
};

/// A line of any output: what it says of which sensor.
struct Row {
  std::string what;
  std::int64_t sensor = 0;
  std::int64_t number = 0;
  std::int64_t at = 0;
};

// What victim and model agree on, in milliseconds.
inline constexpr std::int64_t kDisorder = 200;
inline constexpr std::int64_t kWindow = 250;
inline constexpr std::int64_t kTimerGrid = 500;
inline constexpr std::int64_t kTimerDelay = 2500;  // no reading is so late that its timer could have fired before
inline constexpr std::int64_t kTenth = 10;         // each so many-th reading of a sensor is told

/// The folder of a run holds input/*.csv, and the job adds output/, state/ and, where asked, savepoints.
struct VictimOptions {
  std::string folder;
  std::uint32_t shards = 1;
  std::uint32_t batch = 1024;
  std::string savepoint;  ///< asked for at once, in this folder; empty = none
};

/// Runs the job to its end; the exit code of the process.
int run_victim(const VictimOptions& options);

}  // namespace millstream::crash
