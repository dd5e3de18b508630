// ColdParts: what a job has so that keyed state may leave memory: the store, the threads that read it, the spiller that
// writes it, and each shard's way to them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "millstream/core/memory_budget.hpp"
#include "millstream/core/status.hpp"
#include "millstream/runtime/options.hpp"
#include "millstream/state/cold_tier.hpp"
#include "runtime/spiller.hpp"
#include "state/cold/cold_readers.hpp"
#include "state/cold/cold_store.hpp"

namespace millstream::inline v0 {

class Engine;

/// How a job comes by its cold store: RocksDB on threads, or as the simulator likes.
struct ColdSetup {
  std::function<Result<std::unique_ptr<ColdStore>>(FileSystem& files, ColdStoreOptions options)> open;
  /// What a thread does that has to wait for room in the store.
  std::function<void(ColdStore& store)> wait_for_room;
  /// Nobody reads but whoever steps the readers.
  bool without_threads = false;
};

struct ColdParts {
  ~ColdParts();
  /// When nobody steps anything any more: ends the threads, closes the store and empties its folder.
  void close();

  FileSystem* files = nullptr;
  std::string folder;
  MemoryReservation memory;  // of the store, its block cache included
  std::unique_ptr<ColdStore> store;
  std::unique_ptr<ColdReaders> readers;
  std::unique_ptr<Spiller> spiller;
  std::vector<std::unique_ptr<ColdTier>> tiers;  // by shard
};

/// For people; empty where nothing is wrong.
[[nodiscard]] std::vector<std::string> backend_mistakes(const RunOptions& options);

/// In what pieces a shard hands its state over to be written. A job whose state need not fit in memory has smaller ones
/// where its memory is small: what waits for the disk is memory, too.
[[nodiscard]] std::size_t chunk_bytes(const RunOptions& options, const MemoryBudget& memory, std::uint32_t shards);

/// Removes what a run that was killed left of its store, whatever the backend of this one: it is a copy of what
/// checkpoints say, and the room may be needed. What cannot be removed a store complains of. The state folder is the
/// job's.
void remove_cold_leftovers(FileSystem& files, const std::string& state_dir);

/// Opens a store for the stages of the engine that spill, and gives its shards their ways to it. Null where the options
/// or the graph want none. The state folder is the job's by then, and no stage is open.
[[nodiscard]] Result<std::unique_ptr<ColdParts>> open_cold_parts(Engine& engine, const RunOptions& options,
                                                                 FileSystem& files,
                                                                 const std::shared_ptr<MemoryBudget>& memory,
                                                                 const ColdSetup* setup);

}  // namespace millstream::inline v0
