// Rows of a job that takes checkpoints beside the same job without a state folder.
#pragma once

#include <cstdint>
#include <string>

namespace state {

struct CheckpointRows {
  std::string filter = {};
  std::string folder = {};  ///< of the job's state; removed before and after each run
  std::string json = {};
  std::uint64_t records = 100'000'000;
  int rounds = 3;
};
/// The program's exit code: 1 where results differ, 2 where no row has the filter in its name. Throws what a job says.
[[nodiscard]] int run_checkpoint_rows(const CheckpointRows& options);

}  // namespace state
