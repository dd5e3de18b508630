// Rows of a job that goes on from a large state: how long after its start its first result is there.
#pragma once

#include <cstdint>
#include <string>

namespace state {

struct RestartRows {
  std::string filter = {};
  std::string folder = {};  ///< of the job's state; removed before and behind
  std::string json = {};
  std::uint64_t bytes = std::uint64_t{1'000'000'000};  ///< of the state in memory
  int rounds = 3;
};
/// The program's exit code: 1 where a restarted job counts wrong, 2 where no row has the filter in its name. Throws
/// what a job says.
[[nodiscard]] int run_restart_rows(const RestartRows& options);

}  // namespace state
