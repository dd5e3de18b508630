// EpochBuffer: where one copy of a transactional sink keeps the records behind a barrier while the transaction of the
// epoch before ends: until all shards have given out their state and the commit has come through. It is bounded: when
// it is full the sink takes no more, and its input waits.
//
//   Result<std::size_t> write(std::span<T> records) {
//     buffer_.drain(send);
//     for (T& record : records) {
//       if (buffer_.may_pass() ? !send(record) : !buffer_.keep(record, bytes)) ...
//     }
//   }
//   Result<bool> drain() {
//     const bool empty = buffer_.drain(send);
//     if (buffer_.paused()) context_->retry_at(ms::kTimestampMin);
//     return empty;
//   }
//   Result<std::string> prepare() {
//     buffer_.barrier();
//     return my_identity_;
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/io/epoch_passes.hpp"

namespace millstream::inline v0 {

/// Of one copy.
struct EpochBufferLimits {
  std::size_t records = std::numeric_limits<std::size_t>::max();
  std::size_t bytes = std::size_t{64} << 20;  ///< one record more than this is kept when nothing else is
};

/// One thread, that of the copy's shard. Records keep their order.
template <class Record>
class EpochBuffer {
 public:
  explicit EpochBuffer(std::shared_ptr<EpochPasses> passes, EpochBufferLimits limits = {})
      : passes_{std::move(passes)}, limits_{limits} {}

  /// A record may go into the transaction at once: it is open for its epoch, and none before it waits.
  [[nodiscard]] bool may_pass() const noexcept { return empty() && is_open(); }
  /// The transaction is open for this epoch; what waits here still is the first to go into it.
  [[nodiscard]] bool is_open() const noexcept { return epoch_ <= passes_->newest(); }
  [[nodiscard]] bool empty() const noexcept { return next_ == kept_.size(); }
  /// False: there is no room, and the record stays as it is.
  [[nodiscard]] bool keep(Record& record, std::size_t bytes) {
    const std::size_t records = kept_.size() - next_;
    if (records > 0 && (records >= limits_.records || bytes_ + bytes > limits_.bytes)) return false;
    kept_.push_back({std::move(record), bytes});
    bytes_ += bytes;
    return true;
  }
  /// Gives what may pass now to send(Record&), which says false where it has no room. True when nothing is kept any
  /// more; until then the engine calls the sink's drain() again, once it was woken. Not more than a step of a shard may
  /// take: see paused().
  template <class Send>
  bool drain(Send&& send) {
    std::uint32_t budget = kDrainedPerCall;
    paused_ = false;
    while (!empty() && is_open()) {
      if (budget-- == 0) {
        paused_ = true;
        return false;
      }
      Kept& first = kept_[next_];
      if (!send(first.record)) return false;
      bytes_ -= first.bytes;
      ++next_;
      if (2 * next_ >= kept_.size()) forget_passed();
    }
    return empty();
  }
  /// The newest drain() ended because it has sent as many as one call does: there may be room for more at once.
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  /// What comes from here on belongs to the next epoch. Nothing is kept: prepare() comes behind a drain().
  void barrier() {
    MILLSTREAM_ASSERT(empty());
    ++epoch_;
  }

 private:
  static constexpr std::uint32_t kDrainedPerCall = 4 * kBatchRecordsMax;  // more than a write() can add

  struct Kept {
    Record record;
    std::size_t bytes;
  };
  // Never more of them than have passed since the last time are moved to the front, so it costs each record one move at
  // most; and a buffer that is never empty takes no more than twice its limits.
  void forget_passed() {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }
  std::shared_ptr<EpochPasses> passes_;
  EpochBufferLimits limits_;
  std::uint64_t epoch_ = 0;
  std::vector<Kept> kept_;  // keeps its memory: it is filled again at each checkpoint
  std::size_t next_ = 0;    // before it everything has passed; less than half
  std::size_t bytes_ = 0;
  bool paused_ = false;
};

}  // namespace millstream::inline v0
