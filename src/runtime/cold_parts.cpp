// How a job's memory is shared out between tables, block cache and the rest, and how the parts come together.
#include "runtime/cold_parts.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <thread>
#include <utility>

#include "millstream/core/assert.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/runtime/engine.hpp"
#include "millstream/state/cold_table.hpp"
#include "runtime/checkpointer.hpp"
#include "runtime/shard_barriers.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::string_view kColdFolder = "cold";
constexpr std::size_t kCacheBytesMax = std::size_t{512} << 20;
constexpr std::size_t kReadersMax = 64;
constexpr std::chrono::milliseconds kWaitForRoom{5};  // merging takes far longer
// Of the memory, one part of so many:
constexpr std::size_t kUnwrittenShare = 8;   // what a checkpoint may have waiting for the disk, all shards together
constexpr std::size_t kTablesShareMin = 16;  // of the smallest
constexpr std::size_t kChunkBytesMin = std::size_t{16} << 10;

class ShardColdTier final : public ColdTier {
 public:
  ShardColdTier(std::uint32_t shard, std::uint32_t shards, std::size_t table_bytes,
                const std::vector<std::string>& stages, Engine& engine, ColdParts& parts)
      : shard_{shard},
        groups_{first_group(shard, shards), first_group(shard + 1, shards)},
        table_bytes_{table_bytes},
        stages_{stages},
        engine_{engine},
        spiller_{*parts.spiller},
        mailbox_{parts.readers->mailbox(shard)} {}

  Groups groups() const override { return groups_; }
  std::uint32_t column_of(std::string_view stage) const override {
    const auto found = std::find(stages_.begin(), stages_.end(), stage);
    MILLSTREAM_ASSERT(found != stages_.end());
    return static_cast<std::uint32_t>(found - stages_.begin());
  }
  std::size_t table_bytes() const override { return table_bytes_; }
  ColdMailbox& mailbox() override { return mailbox_; }
  std::uint64_t give(ColdChanges piece) override { return spiller_.give(shard_, std::move(piece)); }
  std::uint64_t taken() const override { return spiller_.taken(shard_); }
  Status give_now(ColdChanges piece) override { return spiller_.give_now(std::move(piece)); }
  void ask_for_checkpoint() override { engine_.checkpointer()->request_early(); }

 private:
  std::uint32_t shard_;
  Groups groups_;
  std::size_t table_bytes_;
  std::vector<std::string> stages_;
  Engine& engine_;
  Spiller& spiller_;
  ColdMailbox& mailbox_;
};

// Before anything begins, so that a job never waits for it later.
Status reserve(const std::shared_ptr<MemoryBudget>& memory, bool stated, std::size_t bytes, MemoryReservation& held) {
  // A budget that nobody stated a limit for must not keep a job from starting.
  if (!stated) memory->raise_limit(bytes);
  held = MemoryReservation{memory};
  if (held.try_resize(bytes)) return {};
  return {ErrorCode::kInvalidArgument,
          "the store of ms::rocksdb() needs " + std::to_string(bytes) +
              " bytes beside the state in memory, but the memory budget has " + std::to_string(memory->used_bytes()) +
              " of " + std::to_string(memory->limit_bytes()) + " in use: raise it, or give a smaller cache_bytes"};
}

// Half of the memory, or what is left of a small one when all else has its share.
std::size_t default_tables_bytes(std::size_t limit, std::size_t cache_bytes) {
  const std::size_t others = cache_bytes + kColdFixedBytes + limit / kUnwrittenShare;
  const std::size_t left = limit - std::min(limit, others);
  // With an eighth of a table for the piece that is being filled, one for that on its way, and a quarter, for an index
  // that has just grown is twice as large as one that is about to.
  return std::clamp(left / 3 * 2, limit / kTablesShareMin, limit / 2);
}

}  // namespace

ColdParts::~ColdParts() = default;

void ColdParts::close() {
  readers->close();
  store.reset();
  // What cannot be removed now is when the folder is used again.
  static_cast<void>(prepare_cold_folder(*files, folder));
}

std::vector<std::string> backend_mistakes(const RunOptions& options) {
  std::vector<std::string> mistakes;
  if (!options.state.on_disk) return mistakes;
  const RocksDbOptions& rocksdb = options.state.options;
  if (options.state_dir.empty()) {
    mistakes.emplace_back("state is ms::rocksdb(), which needs a state_dir: what leaves memory lies below it");
  }
  if (rocksdb.cache_bytes != 0 && rocksdb.cache_bytes < kColdCacheBytesMin) {
    mistakes.push_back("cache_bytes of ms::rocksdb() is " + std::to_string(rocksdb.cache_bytes) + ": give at least " +
                       std::to_string(kColdCacheBytesMin) + ", or 0 for an eighth of the memory");
  }
  if (rocksdb.readers < 1 || rocksdb.readers > kReadersMax) {
    mistakes.push_back("readers of ms::rocksdb() is " + std::to_string(rocksdb.readers) + ": give 1 to " +
                       std::to_string(kReadersMax));
  }
  return mistakes;
}

std::size_t chunk_bytes(const RunOptions& options, const MemoryBudget& memory, std::uint32_t shards) {
  if (!options.state.on_disk) return options.chunk_bytes;
  const std::size_t share = memory.limit_bytes() / kUnwrittenShare / shards / kUnwrittenChunks;
  return std::min(options.chunk_bytes, std::max(share, kChunkBytesMin));
}

void remove_cold_leftovers(FileSystem& files, const std::string& state_dir) {
  const std::string folder = state_dir + "/" + std::string{kColdFolder};
  if (files.info(folder)) static_cast<void>(prepare_cold_folder(files, folder));
}

Result<std::unique_ptr<ColdParts>> open_cold_parts(Engine& engine, const RunOptions& options, FileSystem& files,
                                                   const std::shared_ptr<MemoryBudget>& memory,
                                                   const ColdSetup* setup) {
  std::vector<std::string> stages;
  for (const auto& [node, stage] : engine.shard(0).stages()) {
    if (options.state.on_disk && stage->spills()) stages.push_back(stage->name());
  }
  if (stages.empty()) return std::unique_ptr<ColdParts>{};
  const RocksDbOptions& rocksdb = options.state.options;
  const std::size_t limit = memory->limit_bytes();
  ColdStoreOptions store{.folder = options.state_dir + "/" + std::string{kColdFolder}, .log = options.log};
  // RocksDB has a column of its own by some name.
  for (const std::string& stage : stages) store.columns.push_back("stage/" + stage);
  store.cache_bytes =
      rocksdb.cache_bytes != 0 ? rocksdb.cache_bytes : std::clamp(limit / 8, kColdCacheBytesMin, kCacheBytesMax);

  auto parts = std::make_unique<ColdParts>();
  parts->files = &files;
  parts->folder = store.folder;
  const std::size_t tables = stages.size() * engine.shards();
  const std::size_t table_bytes =
      (rocksdb.memory_bytes != 0 ? rocksdb.memory_bytes : default_tables_bytes(limit, store.cache_bytes)) / tables;
  // Of each table one piece is being filled and one on its way.
  const std::size_t pieces = 2 * tables * std::min(table_bytes / 8, kColdPieceBytes);
  const bool stated = options.memory != nullptr;
  if (Status s = reserve(memory, stated, store.cache_bytes + kColdFixedBytes + pieces, parts->memory); !s.ok()) {
    return s;
  }
  Result<std::unique_ptr<ColdStore>> opened =
      setup != nullptr ? setup->open(files, std::move(store)) : open_cold_store(files, std::move(store));
  if (!opened) return opened.error();
  parts->store = *std::move(opened);
  std::vector<Waker> wakers;
  for (std::uint32_t i = 0; i < engine.shards(); ++i) wakers.push_back(engine.shard(i).context().waker);
  const bool threads = setup == nullptr || !setup->without_threads;
  parts->readers = std::make_unique<ColdReaders>(*parts->store, threads ? rocksdb.readers : 0, wakers);
  parts->spiller = std::make_unique<Spiller>(
      *parts->store, engine.clock(), std::move(wakers),
      setup != nullptr ? setup->wait_for_room : [](ColdStore&) { std::this_thread::sleep_for(kWaitForRoom); },
      [&engine](const Status& why) { engine.fail(why); });
  for (std::uint32_t i = 0; i < engine.shards(); ++i) {
    parts->tiers.push_back(std::make_unique<ShardColdTier>(i, engine.shards(), table_bytes, stages, engine, *parts));
    engine.shard(i).context().cold = parts->tiers.back().get();
  }
  return parts;
}

}  // namespace millstream::inline v0
