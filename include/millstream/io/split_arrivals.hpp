// SplitArrivals: splits that a source finds while a run is on, on their way to the shards that read them. A source that
// looks for such (partitions that a topic gets, files that come) adds them; the engine gives each to the shard that
// reads the fewest, from where they are as those of the start: in checkpoints, with a watermark of their own. That
// begins where the shard's has come to, so nothing goes back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/waker.hpp"
#include "millstream/io/split.hpp"
#include "millstream/time/split_progress.hpp"

namespace millstream::inline v0 {

/// Of one source in one run.
class MILLSTREAM_EXPORT SplitArrivals {
 public:
  /// A split and its number in the run.
  struct Arrival {
    std::uint32_t number = 0;
    Split split;
  };
  /// A shard, as the run begins.
  struct Reader {
    std::size_t splits = 0;  ///< that it is to read; with none it takes no others either
    Waker waker;
  };

  /// Any thread, also before the run has begun. Splits that the run has already are left out, so a source may name all
  /// that it knows; so are all where every split of the source has ended. A split begins at its `start`.
  void add(std::vector<Split> splits);

  /// The engine's, once, when it knows what the run begins with: ids are in `progress`, which gets the new ones, too.
  void begin(std::shared_ptr<SplitProgress> progress, std::vector<Reader> readers);
  /// The shard's. There may be something to take.
  [[nodiscard]] bool any(std::uint32_t shard) const noexcept {
    return shard < inboxes_.size() && inboxes_[shard]->any.load(std::memory_order_acquire);  // pairs with add()
  }
  [[nodiscard]] std::vector<Arrival> take(std::uint32_t shard);
  /// The shard has read all that it had and ends; false where something has come meanwhile.
  [[nodiscard]] bool close(std::uint32_t shard);

 private:
  struct Inbox {
    std::atomic<bool> any{false};
    std::vector<Arrival> waiting;
    std::size_t splits = 0;
    bool open = false;
    Waker waker;
  };
  void place(Split split);

  std::mutex mutex_;  // taken when splits come, not while they are read
  std::vector<std::unique_ptr<Inbox>> inboxes_;
  std::vector<Split> early_;  // before the run has begun
  std::set<std::string> known_;
  std::shared_ptr<SplitProgress> progress_;
};

}  // namespace millstream::inline v0
