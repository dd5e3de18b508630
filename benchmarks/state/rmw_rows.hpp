// Rows of keyed state in memory and in RocksDB beside the same read-modify-write by hand in RocksDB alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace state {

struct RmwRows {
  std::string filter = {};
  std::string folder = {};  ///< of both sides' state; removed before and after each run
  std::string json = {};
  std::uint64_t keys = 2'000'000;
  std::uint64_t records = 4'000'000;  ///< behind those that build the state
  std::size_t cache_bytes = 0;        ///< of the job's block cache; 0 = a quarter of its memory
  int rounds = 3;
};
/// The program's exit code: 1 where results differ, 2 where no row has the filter in its name. Throws what a job or
/// RocksDB says.
[[nodiscard]] int run_rmw_rows(const RmwRows& options);

}  // namespace state
