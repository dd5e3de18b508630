// Watermark alignment between the splits of a source.
#include "millstream/time/split_progress.hpp"

#include <algorithm>

namespace millstream::inline v0 {

SplitProgress::SplitProgress(std::vector<std::string> split_ids) {
  for (std::string& id : split_ids) static_cast<void>(append(std::move(id), kTimestampMin));
}
SplitProgress::~SplitProgress() = default;

std::uint32_t SplitProgress::append(std::string id, Timestamp watermark) {
  const std::uint32_t number = splits_.load(std::memory_order_relaxed);
  const Place place = place_of(number);
  if (pieces_[place.piece] == nullptr) {
    pieces_[place.piece] = std::make_unique<Entry[]>(std::size_t{kFirstPiece} << place.piece);
  }
  Entry& made = pieces_[place.piece][place.at];
  made.id = std::move(id);
  made.watermark.store(watermark.time_since_epoch().count(), std::memory_order_relaxed);
  splits_.store(number + 1, std::memory_order_release);  // pairs with splits()
  return number;
}

std::uint32_t SplitProgress::add(std::string id) {
  const Timestamp slowest = slowest_beside(splits());
  return append(std::move(id), slowest == kTimestampMax ? kTimestampMin : slowest);
}

Timestamp SplitProgress::slowest_beside(std::uint32_t split) const noexcept {
  Timestamp slowest = kTimestampMax;
  for (std::uint32_t i = 0; i < splits(); ++i) {
    if (i != split && state(i) == SplitState::kActive) slowest = std::min(slowest, watermark(i));
  }
  return slowest;
}

bool SplitProgress::too_far_ahead(std::uint32_t split) const noexcept {
  if (!drift) return false;
  // Only what is being read counts: a split that waited for one that is not opened before others end would wait for
  // ever.
  const Timestamp slowest = slowest_beside(split);
  // A split without any record yet has no event time to be ahead of; it is being read, so it will have one.
  const Timestamp own = watermark(split);
  if (own == kTimestampMin || slowest == kTimestampMax) return false;
  return saturating_sub(own, *drift) > slowest;
}

}  // namespace millstream::inline v0
