// That a job whose state is many times its memory stays within that: by what it accounts for, and by what the system
// says that the process has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace state {

struct MemoryCheck {
  std::string folder = {};  ///< of the job's state; removed before and behind
  std::string json = {};
  std::uint64_t keys = 50'000'000;
  std::uint32_t passes = 2;   ///< over all keys: the first one makes them, each other one finds them again
  std::uint64_t records = 0;  ///< at least the keys; 0 = all passes, else the last one ends early
  std::size_t memory_bytes = std::size_t{256} << 20;
  std::size_t allowed_bytes = 0;  ///< 0 = the memory
  std::uint32_t shards = 1;
  bool process = false;  ///< they are counted by process, not by aggregate
  bool spills = true;    ///< else all state is in memory: what the check must find
};
/// The program's exit code: 1 where memory was above what is allowed by more than a tenth, or the job counts wrong.
/// Throws what the job says.
[[nodiscard]] int check_memory(const MemoryCheck& options);

}  // namespace state
