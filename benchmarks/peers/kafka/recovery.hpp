// How long it takes until a job that was killed has output again, whatever engine it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace peers {

/// The job counts the messages of the input by key and writes, for each message, its key with the value
/// "NUMBER COUNT". NUMBER is that of the process, which it gets as the option --number; it prints a line when its
/// main begins.
struct RecoverySettings {
  std::string brokers;
  std::string input;
  std::string output;
  std::int64_t rate = 10'000;  ///< messages a second of the input
  int kills = 5;
  std::vector<std::string> command;  ///< the process, without --number
};

struct Recovery {
  double seconds = 0;          ///< from the start of the process to its first output at a reader of committed messages
  double started_seconds = 0;  ///< from the start of the process to the begin of its main
};

/// Kills the job by SIGKILL and starts it again at once, so many times, while the input goes on. Throws
/// std::runtime_error where no output comes within three minutes, or where a count is left out or comes twice.
[[nodiscard]] std::vector<Recovery> measure_recovery(const RecoverySettings& settings);

/// Millstream's job, in this process, until it is killed or fails.
struct RecoveryJob {
  std::string brokers;
  std::string input;
  std::string output;
  std::string folder;
  std::chrono::milliseconds checkpoint{100};
  int number = 0;
};
[[nodiscard]] int run_recovery_job(const RecoveryJob& settings);

}  // namespace peers
