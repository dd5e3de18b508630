// One sort for all columns; what stands later for the same key wins.
#include "state/cold/cold_round.hpp"

#include <algorithm>
#include <limits>

namespace millstream::inline v0 {
namespace {

bool is_range(ColdChanges::Kind kind) noexcept { return kind == ColdChanges::Kind::kRange; }

}  // namespace

void ColdChanges::add(Kind kind, std::uint32_t column, std::string_view key, std::string_view value) {
  constexpr std::size_t kMax = std::numeric_limits<std::uint32_t>::max();
  MILLSTREAM_ASSERT(key.size() <= kMax && value.size() <= kMax);
  entries_.push_back(
      {bytes_.size(), static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size()), column, kind});
  bytes_.append(key).append(value);
}

SortedColdRound::SortedColdRound(const ColdRound& round) {
  std::size_t count = 0;
  for (const ColdChanges& piece : round.pieces_) count += piece.entries_.size();
  changes_.reserve(count);
  for (const ColdChanges& piece : round.pieces_) {
    for (const ColdChanges::Entry& entry : piece.entries_) changes_.push_back({piece.bytes_.data(), &entry});
  }
  std::stable_sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) {
    if (a.column() != b.column()) return a.column() < b.column();
    if (is_range(a.kind()) != is_range(b.kind())) return is_range(a.kind());
    return a.key() < b.key();
  });
  const auto same_key = [](const Change& a, const Change& b) {
    return !is_range(a.kind()) && !is_range(b.kind()) && a.column() == b.column() && a.key() == b.key();
  };
  // The last of each run of equal keys stays.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    if (i + 1 < changes_.size() && same_key(changes_[i], changes_[i + 1])) continue;
    changes_[kept++] = changes_[i];
  }
  changes_.erase(changes_.begin() + static_cast<std::ptrdiff_t>(kept), changes_.end());

  for (auto begin = changes_.begin(); begin != changes_.end();) {
    const std::uint32_t number = begin->column();
    const auto end = std::find_if(begin, changes_.end(), [&](const Change& c) { return c.column() != number; });
    const auto points = std::find_if(begin, end, [](const Change& c) { return !is_range(c.kind()); });
    columns_.push_back({number, {begin, points}, {points, end}});
    begin = end;
  }
}

}  // namespace millstream::inline v0
