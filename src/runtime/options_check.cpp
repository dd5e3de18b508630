// Each mistake with what to give instead.
#include "runtime/options_check.hpp"

#include <filesystem>
#include <string>

#include "millstream/checkpoint/segment.hpp"
#include "runtime/cold_parts.hpp"
#include "runtime/restart.hpp"

namespace millstream::inline v0 {
namespace {

bool same_folder(const std::string& a, const std::string& b) {
  return (std::filesystem::path{a} / "").lexically_normal() == (std::filesystem::path{b} / "").lexically_normal();
}

}  // namespace

Status check_options(const RunOptions& options) {
  std::string mistakes;
  const auto mistake = [&](const std::string& text) { mistakes += "\n  - " + text; };
  if (options.shards > kShardsMax) {
    mistake("shards is " + std::to_string(options.shards) + ": give 1 to " + std::to_string(kShardsMax) +
            ", or 0 for the cores of this process");
  }
  if (options.batch < 1 || options.batch > kBatchRecordsMax) {
    mistake("batch is " + std::to_string(options.batch) + ": give 1 to " + std::to_string(kBatchRecordsMax));
  }
  if (options.calling_thread && options.shards != 1) mistake("calling_thread needs shards = 1");
  if (options.exchange_slots < 1) mistake("exchange_slots is 0: give at least 1");
  if (options.saved_per_step < 1) mistake("saved_per_step is 0: give at least 1");
  if (options.chunk_bytes < 1 || options.chunk_bytes > kSegmentBlockBytesMax / 4) {
    mistake("chunk_bytes is " + std::to_string(options.chunk_bytes) + ": give 1 to " +
            std::to_string(kSegmentBlockBytesMax / 4));
  }
  for (const std::string& text : backend_mistakes(options)) mistake(text);
  const CheckpointOptions& checkpoint = options.checkpoint;
  if (checkpoint.interval.count() < 0 || checkpoint.timeout.count() < 0 || checkpoint.min_pause.count() < 0) {
    mistake("a time of .checkpoint is negative: give 0 or more");
  }
  if (checkpoint.retained < 1) mistake("checkpoint.retained is 0: give at least 1");
  for (const std::string& text : restart_mistakes(options)) mistake(text);
  if (!options.state_dir.empty() && same_folder(options.state_dir, options.from_savepoint)) {
    mistake("from_savepoint is the state_dir: the job would change the savepoint, give it a folder of its own");
  }
  if (mistakes.empty()) return {};
  return {ErrorCode::kInvalidArgument, "the run options are wrong:" + mistakes};
}

}  // namespace millstream::inline v0
