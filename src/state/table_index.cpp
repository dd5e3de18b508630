// Look-up, growth and removal in the index of a state table.
#include "millstream/state/table_index.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "millstream/core/assert.hpp"
#include "millstream/core/cache_line.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::uint32_t kLineSlots = 8;
constexpr std::uint32_t kLinesMin = 2;
constexpr std::uint32_t kLinesMax = 1024;  // a split moves at most this many lines: some 30 us
// Look-ups under way at once. One line and one entry each: a core keeps 10 to 16 misses under way, and waits where a
// burst of more is asked for.
constexpr std::size_t kAhead = 16;
constexpr std::size_t kArenaFrom = 2 * 1024 * 1024;  // bytes: an arena begins with a whole huge page
constexpr std::size_t kClearTablesPerCall = 32;      // 2 MiB of lines: some 60 us

}  // namespace

// A key stands in the first line from its own on that had room, so all lines between the two are full.
struct alignas(64) TableIndex::Line {
  std::uint32_t fragments[kLineSlots] = {};  // 0: empty
  std::uint32_t entries[kLineSlots] = {};

  // One bit for each slot that holds this fragment.
  [[nodiscard]] std::uint32_t match(std::uint32_t wanted) const noexcept {
#ifdef __SSE2__
    const __m128i all = _mm_set1_epi32(static_cast<int>(wanted));
    const auto* at = reinterpret_cast<const __m128i*>(fragments);
    const __m128i low = _mm_cmpeq_epi32(_mm_load_si128(at), all);
    const __m128i high = _mm_cmpeq_epi32(_mm_load_si128(at + 1), all);
    return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(low)) | _mm_movemask_ps(_mm_castsi128_ps(high))
                                                                                   << 4);
#else
    std::uint32_t bits = 0;
    for (std::uint32_t i = 0; i < kLineSlots; ++i) bits |= (fragments[i] == wanted ? 1U : 0U) << i;
    return bits;
#endif
  }
  [[nodiscard]] bool full() const noexcept { return match(0) == 0; }
};

TableIndex::TableIndex() {
  tables_.push_back(make_table(kLinesMin, 0));
  directory_.resize(1);
  publish(0, 0, 1);
  bytes_ = kLinesMin * sizeof(Line);
}
TableIndex::~TableIndex() {
  for (const SubTable& table : tables_) free_lines(table);
}

TableIndex::SubTable TableIndex::make_table(std::uint32_t lines, std::uint32_t depth) {
  if (lines < kLinesMax || bytes_ < kArenaFrom) return {new Line[lines], lines - 1, 0, depth, false};
  if (!arena_) arena_ = std::make_unique<PieceArena>(kLinesMax * sizeof(Line), growth_);
  auto* first = static_cast<Line*>(arena_->take());
  std::uninitialized_value_construct_n(first, lines);
  return {first, lines - 1, 0, depth, true};
}
void TableIndex::free_lines(const SubTable& table) noexcept {
  if (table.from_arena) {
    arena_->give_back(table.lines);
  } else {
    delete[] table.lines;
  }
}

inline std::uint32_t TableIndex::find_first(std::uint64_t hash) const noexcept {
  const std::uint32_t wanted = fragment(hash);
  const Bucket& bucket = directory_[bucket_of(wanted)];
  const Line& line = bucket.lines[wanted & bucket.mask];
  const std::uint32_t matches = line.match(wanted);
  if (matches != 0) [[likely]]
    return line.entries[std::countr_zero(matches)];
  if (!line.full()) return kNone;
  Probe probe = begin(hash);
  return next(probe);
}

void TableIndex::prefetch(std::uint64_t hash) const noexcept {
  const std::uint32_t wanted = fragment(hash);
  const Bucket& bucket = directory_[bucket_of(wanted)];
  __builtin_prefetch(&bucket.lines[wanted & bucket.mask]);
}

void TableIndex::find_first(const std::uint64_t* hashes, std::size_t count, std::uint32_t* found) const {
  for (std::size_t i = 0; i < count; ++i) found[i] = find_first(hashes[i]);
}

void TableIndex::find_first(const std::uint64_t* hashes, std::size_t count, std::uint32_t* found,
                            const Entries& entries) const {
  const std::uint32_t in_block = (std::uint32_t{1} << entries.block_bits) - 1;
  const std::size_t ahead = std::min(kAhead, count);
  for (std::size_t i = 0; i < ahead; ++i) prefetch(hashes[i]);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) prefetch(hashes[i + kAhead]);
    const std::uint32_t entry = found[i] = find_first(hashes[i]);
    if (entry == kNone) continue;
    const auto* at = static_cast<const char*>(entries.blocks[entry >> entries.block_bits]) +
                     (entry & in_block) * entries.entry_bytes;
    const auto end = reinterpret_cast<std::uintptr_t>(at) + entries.entry_bytes;
    for (auto line = reinterpret_cast<std::uintptr_t>(at) & ~(kCacheLine - 1); line < end; line += kCacheLine) {
      __builtin_prefetch(reinterpret_cast<const void*>(line), 1);
    }
  }
}

TableIndex::Probe TableIndex::begin(std::uint64_t hash) const noexcept {
  const std::uint32_t wanted = fragment(hash);
  const Bucket& bucket = directory_[bucket_of(wanted)];
  const std::uint32_t at = wanted & bucket.mask;
  return {bucket.lines, bucket.mask, bucket.table, wanted, at, bucket.lines[at].match(wanted)};
}

std::uint32_t TableIndex::next(Probe& probe) noexcept {
  while (probe.matches == 0) {
    if (!probe.lines[probe.at].full()) return kNone;
    probe.at = (probe.at + 1) & probe.mask;
    probe.matches = probe.lines[probe.at].match(probe.wanted);
  }
  const std::uint32_t entry = probe.lines[probe.at].entries[std::countr_zero(probe.matches)];
  probe.matches &= probe.matches - 1;
  return entry;
}

void TableIndex::place(Line* lines, std::uint32_t mask, std::uint32_t from, std::uint32_t fragment,
                       std::uint32_t entry) {
  std::uint32_t empty = lines[from].match(0);
  while (empty == 0) {
    from = (from + 1) & mask;
    empty = lines[from].match(0);
  }
  const int slot = std::countr_zero(empty);
  lines[from].fragments[slot] = fragment;
  lines[from].entries[slot] = entry;
}

void TableIndex::add(const Probe& probe, std::uint32_t entry) {
  MILLSTREAM_ASSERT(entry != kNone);
  Bucket home{probe.lines, probe.mask, probe.table};
  std::uint32_t from = probe.at;
  // Three of four slots at most: few lines are full, and never all.
  while (tables_[home.table].used * 4 >= (home.mask + 1) * kLineSlots * 3) {
    if (home.mask + 1 < kLinesMax) {
      grow(bucket_of(probe.wanted));
    } else {
      split(bucket_of(probe.wanted));
    }
    home = directory_[bucket_of(probe.wanted)];
    from = probe.wanted & home.mask;
  }
  place(home.lines, home.mask, from, probe.wanted, entry);
  ++tables_[home.table].used;
}

void TableIndex::erase(std::uint64_t hash, std::uint32_t entry) {
  Probe probe = begin(hash);
  std::uint32_t slot = 0;
  while (true) {
    const std::uint32_t matches = probe.matches;
    const std::uint32_t at = probe.at;
    const std::uint32_t found = next(probe);
    MILLSTREAM_ASSERT(found != kNone);
    if (found != entry) continue;
    slot = static_cast<std::uint32_t>(
        std::countr_zero(probe.at == at ? matches : probe.lines[probe.at].match(probe.wanted)));
    break;
  }
  SubTable& table = tables_[directory_[bucket_of(probe.wanted)].table];
  // The gap is filled from the lines behind, so that no tombstone is needed: by a key that belongs into this line or
  // before it, as long as the lines are full.
  std::uint32_t at = probe.at;
  bool was_full = table.lines[at].full();
  for (std::uint32_t from = (at + 1) & table.mask; was_full; from = (from + 1) & table.mask) {
    Line& line = table.lines[from];
    was_full = line.full();
    for (std::uint32_t i = 0; i < kLineSlots; ++i) {
      if (line.fragments[i] == 0) continue;
      const std::uint32_t home = line.fragments[i] & table.mask;
      if (((from - home) & table.mask) < ((from - at) & table.mask)) continue;
      table.lines[at].fragments[slot] = line.fragments[i];
      table.lines[at].entries[slot] = line.entries[i];
      at = from;
      slot = i;
      break;
    }
  }
  table.lines[at].fragments[slot] = 0;
  --table.used;
}

void TableIndex::grow(std::size_t bucket) {
  const std::uint32_t number = directory_[bucket].table;
  SubTable& table = tables_[number];
  const std::uint32_t lines = (table.mask + 1) * 2;
  SubTable larger = make_table(lines, table.depth);
  larger.used = table.used;
  for (std::uint32_t i = 0; i <= table.mask; ++i) {
    const Line& line = table.lines[i];
    for (std::uint32_t slot = 0; slot < kLineSlots; ++slot) {
      const std::uint32_t fragment = line.fragments[slot];
      if (fragment == 0) continue;
      place(larger.lines, larger.mask, fragment & larger.mask, fragment, line.entries[slot]);
    }
  }
  bytes_ += lines / 2 * sizeof(Line);
  free_lines(std::exchange(table, larger));
  const std::size_t span = std::size_t{1} << (depth_ - table.depth);
  publish(number, bucket / span * span, span);
}

void TableIndex::split(std::size_t bucket) {
  const std::uint32_t number = directory_[bucket].table;
  if (tables_[number].depth == depth_) {
    std::vector<Bucket> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++depth_;
    bucket *= 2;
  }
  const std::uint32_t depth = tables_[number].depth + 1;
  MILLSTREAM_ASSERT(depth <= 32);
  const std::uint32_t lines = tables_[number].mask + 1;
  SubTable halves[2] = {make_table(lines, depth), make_table(lines, depth)};
  for (std::uint32_t i = 0; i < lines; ++i) {
    const Line& line = tables_[number].lines[i];
    for (std::uint32_t slot = 0; slot < kLineSlots; ++slot) {
      const std::uint32_t fragment = line.fragments[slot];
      if (fragment == 0) continue;
      SubTable& half = halves[(fragment >> (32 - depth)) & 1];
      place(half.lines, half.mask, fragment & half.mask, fragment, line.entries[slot]);
      ++half.used;
    }
  }
  bytes_ += lines * sizeof(Line);
  free_lines(std::exchange(tables_[number], halves[0]));
  tables_.push_back(halves[1]);
  const std::size_t span = std::size_t{1} << (depth_ - depth);
  const std::size_t first = bucket / (2 * span) * (2 * span);
  publish(number, first, span);
  publish(static_cast<std::uint32_t>(tables_.size() - 1), first + span, span);
}

void TableIndex::publish(std::uint32_t table, std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count; ++i) {
    directory_[i] = {tables_[table].lines, tables_[table].mask, table};
  }
}

bool TableIndex::clear_some() {
  const std::size_t end = std::min(cleared_ + kClearTablesPerCall, tables_.size());
  for (; cleared_ < end; ++cleared_) {
    SubTable& table = tables_[cleared_];
    if (table.used > 0) std::fill_n(table.lines, table.mask + 1, Line{});
    table.used = 0;
  }
  if (cleared_ < tables_.size()) return false;
  cleared_ = 0;
  return true;
}

}  // namespace millstream::inline v0
