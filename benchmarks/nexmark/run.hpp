// Runs a query as a job: once to the end, measured.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>

#include "millstream/runtime/options.hpp"
#include "nexmark/query.hpp"

namespace nexmark {

struct RunSettings {
  std::uint32_t shards = 1;
  std::chrono::nanoseconds checkpoint{0};  ///< interval; 0 = no checkpoints
  millstream::StateBackend state = {};     ///< with checkpoints
};

/// A new folder of this process below the system's temporary one; removed at the end.
class WorkFolder {
 public:
  WorkFolder();
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  [[nodiscard]] std::string state() const { return (path_ / "state").string(); }
  [[nodiscard]] std::string output() const { return (path_ / "output").string(); }

 private:
  std::filesystem::path path_;
};

struct Run {
  double seconds = 0;             // from the start of the job to its end, with the last checkpoint
  double cpu_seconds = 0;         // of the whole process
  std::uint64_t rss_peak = 0;     // bytes, in this run
  std::uint64_t state_bytes = 0;  // the most that the state folder held
  std::uint64_t checkpoints = 0;
  Digest digest;
};

/// All of the machine's memory as budget, and no log.
[[nodiscard]] millstream::RunOptions run_options(const RunSettings& settings, const WorkFolder& folder);

/// Each shard reads a split of its own. `lines`: where the results go as JSON lines, too; may be null. Throws
/// std::runtime_error where the job fails.
[[nodiscard]] Run run_query(const Query& query, const Input& input, const RunSettings& settings, std::ostream* lines);

/// What making the events costs by itself, on one thread.
[[nodiscard]] Run run_generator(const Input& input);

}  // namespace nexmark
