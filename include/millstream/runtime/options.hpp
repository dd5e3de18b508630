// RunOptions: how a dataflow is run. An aggregate; call with designated initialisers:
//   ms::run(flow, {.shards = 4});
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "millstream/channel/batch.hpp"
#include "millstream/channel/exchange.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/state/state_backend.hpp"

namespace millstream::inline v0 {

class FileSystem;

inline constexpr std::size_t kChunkBytes = std::size_t{1} << 20;  // a disk works as fast with it as with more

/// What a shard does while it has nothing to do.
enum class IdleStrategy {
  kPark,  ///< sleeps until there is work: an idle job uses next to no CPU
  kSpin,  ///< keeps looking: the lowest latency for one whole core a shard
};

/// When checkpoints are taken, and how many are kept. All times are at least 0.
struct CheckpointOptions {
  /// From the start of one to the start of the next. What sinks publish by checkpoints comes as late as this.
  std::chrono::nanoseconds interval = std::chrono::seconds{10};
  /// One that is not complete by then is given up, which a log message says; the job goes on. It takes longer where the
  /// shards are busy: they give out state beside their work.
  std::chrono::nanoseconds timeout = std::chrono::minutes{10};
  /// From the end of one to the start of the next.
  std::chrono::nanoseconds min_pause{0};
  /// Checkpoints that are kept, at least 1.
  std::size_t retained = 1;
  /// A checkpoint adds what has changed to the files of the one before. When these changes have so many bytes, and a
  /// quarter of the whole state, the next checkpoint writes the whole state anew: fewer, and a restart reads more.
  std::uint64_t rebase_bytes = std::uint64_t{64} << 20;
  /// So many failures in a row are only logged; one more fails the job. What fails ahead of its time does not count:
  /// a checkpoint that state waits for which does not fit in memory (RocksDbOptions), before the next was due.
  std::uint32_t tolerated_failures = 10;
};

/// Whether a job that fails goes on by itself from its last checkpoint, in the same process and by the same way as one
/// that is started again. Only what may heal is tried again (kIo, kNotFound, kUnavailable, kUserFailure, kInternal),
/// not what would fail in the same way (kInvalidArgument, kInvalidData, kAlreadyExists, kUnsupported), and not what
/// failed before the job first ran or when everything was done. All times are at least 0.
struct RestartPolicy {
  /// Restarts in a row after which a failure ends the job; 0 = the first one does.
  std::uint32_t max_restarts = 0;
  /// Wait before the first restart. Each wait is up to a tenth shorter or longer, so that jobs that failed together do
  /// not come back together.
  std::chrono::nanoseconds initial_backoff = std::chrono::seconds{1};
  /// Each further wait in a row is so many times the one before, at least 1,
  double backoff_multiplier = 2.0;
  /// up to this, which no wait exceeds.
  std::chrono::nanoseconds max_backoff = std::chrono::minutes{1};
  /// What fails after having run for so long is the first of a new row. Longer than it takes from a checkpoint to what
  /// fails each time.
  std::chrono::nanoseconds reset_after = std::chrono::hours{1};
};

struct RunOptions {
  /// Threads that share the work, one core each; 0 = as many as this process may use. 1 to 64.
  std::uint32_t shards = 0;
  /// Records a batch holds at the most, 1 to 1024. Smaller batches cost throughput; results are the same.
  std::uint32_t batch = kBatchRecordsMax;
  /// Runs the one shard on the thread that calls run(). Needs shards = 1.
  bool calling_thread = false;
  /// Pins shard i to the i-th core that this process may use. Off, because two jobs in one process would share core 0.
  bool pin = false;
  IdleStrategy idle = IdleStrategy::kPark;
  /// Batches in flight between two shards. For the simulator, which tries small ones.
  std::size_t exchange_slots = kExchangeSlots;
  /// Entries of state that an idle shard gives to a checkpoint in one step. For the simulator, which tries few.
  std::uint32_t saved_per_step = kSavedPerStep;
  /// A shard hands state of about so many bytes over to be written; up to 32 times as much of each shard may wait for
  /// the disk in memory, more only where records change what is not given out yet. For the simulator, which tries few.
  std::size_t chunk_bytes = kChunkBytes;
  /// Bytes this job may hold; may be shared with other jobs. Null = a budget of its own: 1 GiB on top
  /// of the queues between its shards.
  std::shared_ptr<MemoryBudget> memory = nullptr;
  /// Where keyed state lives; rocksdb() for what does not fit in memory.
  StateBackend state = in_memory();
  /// Folder in which this job keeps its checkpoints; empty = none are taken, and a job that ends in the middle begins
  /// anew. One job at a time may have it. A job that finds its checkpoint there goes on from it.
  std::string state_dir = {};
  CheckpointOptions checkpoint = {};
  /// Needs a state_dir.
  RestartPolicy restart = {};
  /// Savepoint that the job begins from, of this job or another one; empty = none. A checkpoint of its own in state_dir
  /// is newer and goes before it, so the same options serve the first start and all later ones. Without a state_dir
  /// each start begins from the savepoint. What the job that made it has published behind it comes again.
  std::string from_savepoint = {};
  /// State of stages, and positions of sources, that the graph does not have any more is dropped, which a log message
  /// says. Without this a job that finds such state does not start. As long as it is set, a stage that was renamed by
  /// mistake begins empty.
  bool allow_dropped_state = false;
  /// Where what is in state_dir contradicts itself or is damaged, take this checkpoint. The error that asks for it says
  /// what that costs.
  std::optional<std::uint64_t> accept_checkpoint = std::nullopt;
  /// When it is requested the job drains: it takes in nothing more, fires its windows and ends.
  std::stop_token stop = {};
  /// SIGINT and SIGTERM drain the job (with a state_dir: stop it, and it can go on later), a second one cancels it. For
  /// programs that have no handlers of their own.
  bool handle_signals = false;
  /// Shows rate, latency, watermark delay and pressure on stderr while the job runs, if stderr is a terminal.
  bool progress_line = false;
  LogHook log = stderr_log();
  std::uint64_t seed = 0;             ///< for sources that need randomness
  Clock* clock = nullptr;             ///< null = the system's
  FileSystem* file_system = nullptr;  ///< null = the system's
};

}  // namespace millstream::inline v0
