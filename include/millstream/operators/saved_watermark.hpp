// SavedWatermark: the watermark of a stage in a checkpoint. Behind an aligned barrier it is the same on all shards that
// have input; the others hold nobody back, so the least that any shard said is the stage's.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "millstream/codec/codec.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

class SavedWatermark {
 public:
  static constexpr std::string_view kKey = "watermark";

  static void save(std::uint32_t state, Timestamp watermark, Snapshot& snapshot) {
    std::string bytes;
    encode_value(watermark, bytes);
    snapshot.put({state, kEveryShard, kKey, bytes});
  }
  /// False where the entry is no watermark.
  [[nodiscard]] bool restore(const StateEntry& saved) {
    Timestamp watermark;
    if (saved.key != kKey || !decode_value(saved.value, watermark)) return false;
    least_ = std::min(least_.value_or(watermark), watermark);
    return true;
  }
  /// kTimestampMin where none was saved.
  [[nodiscard]] Timestamp value() const noexcept { return least_.value_or(kTimestampMin); }

 private:
  std::optional<Timestamp> least_;
};

}  // namespace millstream::inline v0
