// SplitProgress: how far each split of one source has come. The shard that reads a split writes its entry; the other
// shards read it to keep splits aligned, and Job::status() to show it. Splits may come while others are read.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
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

  /// One more, while the others are read, which the slowest active one of them does not have to wait for; its number.
  /// One thread at a time.
  std::uint32_t add(std::string id);

  [[nodiscard]] std::uint32_t splits() const noexcept {
    return splits_.load(std::memory_order_acquire);  // pairs with add()
  }
  [[nodiscard]] const std::string& id(std::uint32_t split) const { return entry(split).id; }
  [[nodiscard]] Timestamp watermark(std::uint32_t split) const noexcept {
    return Timestamp{Duration{entry(split).watermark.load(std::memory_order_relaxed)}};
  }
  [[nodiscard]] SplitState state(std::uint32_t split) const noexcept {
    return entry(split).state.load(std::memory_order_relaxed);
  }
  /// The shard of the split.
  void set_watermark(std::uint32_t split, Timestamp watermark) noexcept {
    entry(split).watermark.store(watermark.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void set_state(std::uint32_t split, SplitState state) noexcept {
    entry(split).state.store(state, std::memory_order_relaxed);
  }

  /// The shard of the split; a source that knows how much it has not read yet. Both at least 0.
  void set_lag(std::uint32_t split, std::int64_t records, Duration time) noexcept {
    entry(split).lag_records.store(records, std::memory_order_relaxed);
    entry(split).lag_us.store(time.count(), std::memory_order_relaxed);
  }
  /// -1 where the source does not say.
  [[nodiscard]] std::int64_t lag_records(std::uint32_t split) const noexcept {
    return entry(split).lag_records.load(std::memory_order_relaxed);
  }
  [[nodiscard]] Duration lag_time(std::uint32_t split) const noexcept {
    return Duration{entry(split).lag_us.load(std::memory_order_relaxed)};
  }

  /// The least watermark of the active splits beside this one; kTimestampMax if there are none.
  [[nodiscard]] Timestamp slowest_beside(std::uint32_t split) const noexcept;
  /// The split is more than the permitted drift ahead of the slowest active one.
  [[nodiscard]] bool too_far_ahead(std::uint32_t split) const noexcept;

 private:
  struct Entry {
    std::string id;
    std::atomic<std::int64_t> watermark{kTimestampMin.time_since_epoch().count()};
    std::atomic<SplitState> state{SplitState::kActive};
    std::atomic<std::int64_t> lag_records{-1};
    std::atomic<std::int64_t> lag_us{0};
  };
  // Entries stay where they are when others come: piece p holds kFirstPiece << p of them.
  static constexpr std::uint32_t kFirstPiece = 64;
  static constexpr std::size_t kPieces = 26;
  struct Place {
    std::size_t piece;
    std::uint32_t at;
  };
  static Place place_of(std::uint32_t split) noexcept {
    const auto piece = static_cast<std::size_t>(std::bit_width(split / kFirstPiece + 1) - 1);
    return {piece, split - kFirstPiece * ((std::uint32_t{1} << piece) - 1)};
  }
  [[nodiscard]] Entry& entry(std::uint32_t split) const noexcept {
    const Place place = place_of(split);
    return pieces_[place.piece][place.at];
  }
  std::uint32_t append(std::string id, Timestamp watermark);

  std::array<std::unique_ptr<Entry[]>, kPieces> pieces_;  // written before a split is counted that is in it
  std::atomic<std::uint32_t> splits_{0};
};

}  // namespace millstream::inline v0
