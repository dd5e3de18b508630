// Read-modify-write by hand: the same sums kept in RocksDB alone, with the build and the settings that the library's
// store has, but for what only someone needs who writes record by record: a memtable worth the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cost/row.hpp"
#include "state/keyed_input.hpp"

namespace state {

struct RawRocks {
  std::string folder;       ///< emptied before and removed behind a run
  std::size_t cache_bytes;  ///< of the block cache; the memtables are an eighth of it, two of them, on top
  bool batched;             ///< 1,024 records by one MultiGet and one WriteBatch, else a Get and a Put each
};

/// Loads the keys, which is not timed, then works on `records` of the input. Without a log (disableWAL), so unlike the
/// job it would lose all of it in a crash. Throws std::runtime_error for what RocksDB says.
[[nodiscard]] cost::Outcome run_raw(const RawRocks& options, const KeyedInput& input, std::uint64_t records);

}  // namespace state
