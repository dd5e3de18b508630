// SplitProgress: how far each split of one source has come. The shard that reads a split writes its entry; the other
// shards read it to keep splits aligned, and Job::status() to show it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

enum class SplitState : std::uint8_t {
  kActive,
  kWaiting,   ///< not opened yet: holds the watermark back, but nobody waits for it to be aligned
  kIdle,      ///< silent for longer than the idle timeout: does not hold the watermark back
  kFinished,  ///< has been read to its end, or the job drains: all of its windows shall fire
  kStopped,   ///< the job was stopped before its end: windows stay open
};

class MILLSTREAM_EXPORT SplitProgress {
 public:
  explicit SplitProgress(std::vector<std::string> split_ids);
  ~SplitProgress();

  std::optional<Duration> idle_timeout;  ///< set while the graph is built
  std::optional<Duration> drift;         ///< likewise
  bool has_event_time = false;           ///< likewise

  [[nodiscard]] std::uint32_t splits() const noexcept { return static_cast<std::uint32_t>(ids_.size()); }
  [[nodiscard]] const std::string& id(std::uint32_t split) const { return ids_[split]; }
  [[nodiscard]] Timestamp watermark(std::uint32_t split) const noexcept {
    return Timestamp{Duration{entries_[split].watermark.load(std::memory_order_relaxed)}};
  }
  [[nodiscard]] SplitState state(std::uint32_t split) const noexcept {
    return entries_[split].state.load(std::memory_order_relaxed);
  }
  /// The shard of the split.
  void set_watermark(std::uint32_t split, Timestamp watermark) noexcept {
    entries_[split].watermark.store(watermark.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void set_state(std::uint32_t split, SplitState state) noexcept {
    entries_[split].state.store(state, std::memory_order_relaxed);
  }

  /// The shard of the split; a source that knows how much it has not read yet. Both at least 0.
  void set_lag(std::uint32_t split, std::int64_t records, Duration time) noexcept {
    entries_[split].lag_records.store(records, std::memory_order_relaxed);
    entries_[split].lag_us.store(time.count(), std::memory_order_relaxed);
  }
  /// -1 where the source does not say.
  [[nodiscard]] std::int64_t lag_records(std::uint32_t split) const noexcept {
    return entries_[split].lag_records.load(std::memory_order_relaxed);
  }
  [[nodiscard]] Duration lag_time(std::uint32_t split) const noexcept {
    return Duration{entries_[split].lag_us.load(std::memory_order_relaxed)};
  }

  /// The least watermark of the active splits beside this one; kTimestampMax if there are none.
  [[nodiscard]] Timestamp slowest_beside(std::uint32_t split) const noexcept;
  /// The split is more than the permitted drift ahead of the slowest active one.
  [[nodiscard]] bool too_far_ahead(std::uint32_t split) const noexcept;

 private:
  struct Entry {
    std::atomic<std::int64_t> watermark{kTimestampMin.time_since_epoch().count()};
    std::atomic<SplitState> state{SplitState::kActive};
    std::atomic<std::int64_t> lag_records{-1};
    std::atomic<std::int64_t> lag_us{0};
  };
  std::vector<std::string> ids_;
  std::vector<Entry> entries_;
};

}  // namespace millstream::inline v0
