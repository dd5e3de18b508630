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
  MILLSTREAM_ASSERT(bytes_.size() <= kMax && key.size() <= kMax && value.size() <= kMax);
  MILLSTREAM_ASSERT(column <= std::numeric_limits<std::uint16_t>::max());
  entries_.push_back({static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(key.size()),
                      static_cast<std::uint32_t>(value.size()), static_cast<std::uint16_t>(column), kind});
  bytes_.append(key.data(), key.size());
  bytes_.append(value.data(), value.size());
}

SortedColdRound::SortedColdRound(const ColdRound& round) {
  for (const ColdChanges& piece : round.pieces_) {
    for (const ColdChanges::Entry& entry : piece.entries_) changes_.push_back({piece.bytes_.data(), &entry});
  }
  const auto place_of = [&](const Change& change) {
    const auto same = [&](const ColdChanges& piece) { return piece.bytes_.data() == change.bytes_; };
    return std::find_if(round.pieces_.begin(), round.pieces_.end(), same);
  };
  // In place: a stable sort takes half as much memory again. Equal keys of two pieces are rare.
  std::sort(changes_.begin(), changes_.end(), [&](const Change& a, const Change& b) {
    if (a.column() != b.column()) return a.column() < b.column();
    if (is_range(a.kind()) != is_range(b.kind())) return is_range(a.kind());
    if (const int order = a.key().compare(b.key()); order != 0) return order < 0;
    return a.bytes_ == b.bytes_ ? a.entry_ < b.entry_ : place_of(a) < place_of(b);
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
  changes_.truncate(kept);

  const Change* const all_end = changes_.end();
  for (const Change* begin = changes_.begin(); begin != all_end;) {
    const std::uint32_t number = begin->column();
    const Change* const end = std::find_if(begin, all_end, [&](const Change& c) { return c.column() != number; });
    const Change* const points = std::find_if(begin, end, [](const Change& c) { return !is_range(c.kind()); });
    columns_.push_back({number, {begin, points}, {points, end}});
    begin = end;
  }
}

}  // namespace millstream::inline v0
