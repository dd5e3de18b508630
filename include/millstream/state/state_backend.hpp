// StateBackend: where keyed state lives. In memory, or, where it need not fit, in memory and in RocksDB:
//   ms::run(flow, {.state_dir = "state", .state = ms::rocksdb({.memory_bytes = 256 << 20})});
#pragma once

#include <cstddef>

namespace millstream::inline v0 {

struct RocksDbOptions {
  /// Keyed state that is held in memory, all shards together, each stage the same: keys not used for longest leave
  /// when there is more. 0 = half of RunOptions::memory, less of a small one. What records change between two
  /// checkpoints stays in memory until the second one has it: where that alone is more, the job takes checkpoints
  /// earlier than CheckpointOptions::interval says.
  std::size_t memory_bytes = 0;
  /// Of RocksDB's block cache, on top of that, at least 1 MiB. 0 = an eighth of what the job may hold, up to 512 MiB.
  std::size_t cache_bytes = 0;
  /// Threads that read for the shards, 1 to 64.
  std::size_t readers = 2;
};

/// Made by in_memory() or rocksdb().
struct StateBackend {
  bool on_disk = false;
  RocksDbOptions options = {};
};

/// All keyed state is in memory.
[[nodiscard]] constexpr StateBackend in_memory() { return {}; }
/// Keyed state of reduce, of aggregate without a window, of process, of session windows, and of tumbling and sliding
/// windows in event time without an early trigger leaves memory for a RocksDB in the folder `cold` of the state_dir,
/// which it needs. NOT that of other windows (count, global, in processing time, with early triggers) nor timers: these
/// stay in memory. Of a key with open sessions that have left, the key and some 50 bytes stay. A sliding window that
/// does not fit reads all of its size at each slide, and has the keys of one key group in memory for that: with keys by
/// PartitionKey those of a whole partition. Checkpoints are as without it. Each start empties the folder.
[[nodiscard]] constexpr StateBackend rocksdb(RocksDbOptions options = {}) { return {true, options}; }

}  // namespace millstream::inline v0
