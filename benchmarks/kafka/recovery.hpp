// How long it takes until a job that was killed has output again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace kafka_bench {

/// What a process needs to know to be the job.
struct JobProcess {
  std::string brokers;
  std::string input;
  std::string output;
  std::string state_dir;
  std::chrono::milliseconds checkpoint{100};
  int number = 0;  // of the process: what it writes
};

/// Runs the job in this process, until it is killed or fails: a copy of the input, exactly once, with `number` in the
/// place of the values.
[[nodiscard]] int run_job(const JobProcess& settings);

struct RecoverySettings {
  JobProcess job = {};
  std::int64_t rate = 0;  // messages a second of the input
  int kills = 0;
};

/// One kill. The columns have one element each 10 ms, from half a second before it until half a second behind the
/// recovery; messages are counted from the first element's `read`.
struct Recovery {
  double took_ms = 0;  // from the kill to the first output of the next process that a reader of committed messages has
  std::vector<double> at_ms = {};          // from the kill
  std::vector<std::int64_t> written = {};  // messages of the input
  std::vector<std::int64_t> read = {};     // messages of the output that a reader of committed ones has
};

/// Kills the job in a process of its own by SIGKILL and starts it again at once, so many times, while the input goes
/// on. Throws std::runtime_error where no output comes.
[[nodiscard]] std::vector<Recovery> recoveries(const RecoverySettings& settings);

}  // namespace kafka_bench
