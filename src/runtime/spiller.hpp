// Spiller: the writing side of the cold store. It takes the pieces of all shards, as they hand them over, and gives
// them to the store in rounds, when that has room. A step function, as the coordinator of checkpoints is: a thread of
// the job calls it, or the simulator.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "millstream/core/cache_line.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/waker.hpp"
#include "state/cold/cold_round.hpp"
#include "state/cold/cold_store.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT Spiller {
 public:
  /// `wakers`: of the shards. `fail` ends the job: the store cannot be written.
  Spiller(ColdStore& store, Clock& clock, std::vector<Waker> wakers, std::function<void(ColdStore&)> wait_for_room,
          std::function<void(const Status&)> fail);

  // A shard's thread.
  /// The number of the piece among the shard's.
  [[nodiscard]] std::uint64_t give(std::uint32_t shard, ColdChanges piece);
  /// That of the last one that the store has taken.
  [[nodiscard]] std::uint64_t taken(std::uint32_t shard) const noexcept {
    return shares_[shard].taken.load(std::memory_order_acquire);  // pairs with the release in step()
  }
  /// At once, however long it takes.
  [[nodiscard]] Status give_now(ColdChanges piece);

  // The spiller's thread.
  void step();
  /// Clock::monotonic_ns() at which there is something to do; kNeverNs = nothing.
  [[nodiscard]] std::int64_t deadline_ns() const;

  // Any thread.
  /// Called when a shard has given something; set before the job starts.
  std::function<void()> wake = [] {};
  /// Content of all rounds so far.
  [[nodiscard]] std::uint64_t spilled_bytes() const noexcept { return spilled_bytes_.load(std::memory_order_relaxed); }

 private:
  struct alignas(kCacheLine) Share {
    std::uint64_t given = 0;  // the shard's
    std::atomic<std::uint64_t> taken{0};
  };
  struct Piece {
    std::uint32_t shard;
    std::uint64_t number;
    ColdChanges changes;
  };
  void make_round();
  void fail(const Status& why);
  [[nodiscard]] std::vector<Piece> next_pieces();
  [[nodiscard]] Status ingest(const ColdRound& round);

  ColdStore& store_;
  Clock& clock_;
  std::vector<Waker> wakers_;
  std::function<void(ColdStore&)> wait_for_room_;
  std::function<void(const Status&)> fail_;
  std::vector<Share> shares_;
  std::mutex writing_;  // whoever has it calls the store's writing members
  mutable std::mutex mutex_;
  std::vector<Piece> pieces_;  // in the order in which they came
  std::int64_t retry_at_ns_ = 0;
  bool failed_ = false;  // the spiller's thread
  std::atomic<std::uint64_t> spilled_bytes_{0};
};

}  // namespace millstream::inline v0
