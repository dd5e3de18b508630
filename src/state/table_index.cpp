// Look-up, growth and removal in the index of a state table.
#include "millstream/state/table_index.hpp"

#include <algorithm>
#include <utility>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::uint32_t kSlotsMin = 16;
constexpr std::uint32_t kSlotsMax = 8192;           // a split moves at most this many slots: some 30 us
constexpr std::size_t kPrefetchAbove = 256 * 1024;  // bytes: beyond it the slots no longer stay in a 512 KiB L2
constexpr std::size_t kClearTablesPerCall = 32;     // 2 MiB of slots: some 60 us

}  // namespace

TableIndex::TableIndex() {
  tables_.push_back({std::make_unique<std::uint64_t[]>(kSlotsMin), kSlotsMin - 1, 0, 0});
  directory_.resize(1);
  publish(0, 0, 1);
  bytes_ = kSlotsMin * sizeof(std::uint64_t);
}
TableIndex::~TableIndex() = default;
TableIndex::TableIndex(TableIndex&&) noexcept = default;
TableIndex& TableIndex::operator=(TableIndex&&) noexcept = default;

void TableIndex::find_first(const std::uint64_t* hashes, std::size_t count, std::uint32_t* entries) const {
  if (bytes_ > kPrefetchAbove) {
    for (std::size_t i = 0; i < count; ++i) {
      const Bucket& bucket = directory_[bucket_of(hashes[i])];
      __builtin_prefetch(&bucket.slots[fragment(hashes[i]) & bucket.mask]);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t wanted = fragment(hashes[i]);
    const Bucket& bucket = directory_[bucket_of(hashes[i])];
    std::uint32_t at = wanted & bucket.mask;
    std::uint64_t slot = bucket.slots[at];
    while (slot != 0 && static_cast<std::uint32_t>(slot) != wanted) {
      at = (at + 1) & bucket.mask;
      slot = bucket.slots[at];
    }
    entries[i] = entry_of(slot);  // of an empty slot: 0 - 1 == kNone
  }
}

void TableIndex::place(SubTable& table, std::uint64_t slot) {
  std::uint32_t at = static_cast<std::uint32_t>(slot) & table.mask;
  while (table.slots[at] != 0) at = (at + 1) & table.mask;
  table.slots[at] = slot;
}

void TableIndex::insert(std::uint64_t hash, std::uint32_t entry) {
  MILLSTREAM_ASSERT(entry != kNone);
  std::size_t bucket = bucket_of(hash);
  // Two of three slots at most: linear probing stays short.
  while (tables_[directory_[bucket].table].used * 3 >= (directory_[bucket].mask + 1) * 2) {
    if (directory_[bucket].mask + 1 < kSlotsMax) {
      grow(bucket);
    } else {
      split(bucket);
    }
    bucket = bucket_of(hash);
  }
  SubTable& table = tables_[directory_[bucket].table];
  place(table, (std::uint64_t{entry} + 1) << 32 | fragment(hash));
  ++table.used;
}

void TableIndex::erase(std::uint64_t hash, std::uint32_t entry) {
  SubTable& table = tables_[directory_[bucket_of(hash)].table];
  std::uint32_t at = fragment(hash) & table.mask;
  while (entry_of(table.slots[at]) != entry || table.slots[at] == 0) {
    MILLSTREAM_ASSERT(table.slots[at] != 0);
    at = (at + 1) & table.mask;
  }
  // Moves later slots of the run back into the gap, so that no tombstone is needed.
  for (std::uint32_t next = (at + 1) & table.mask; table.slots[next] != 0; next = (next + 1) & table.mask) {
    const std::uint32_t home = static_cast<std::uint32_t>(table.slots[next]) & table.mask;
    if (((next - home) & table.mask) >= ((next - at) & table.mask)) {
      table.slots[at] = table.slots[next];
      at = next;
    }
  }
  table.slots[at] = 0;
  --table.used;
}

void TableIndex::grow(std::size_t bucket) {
  const std::uint32_t number = directory_[bucket].table;
  SubTable& table = tables_[number];
  const std::uint32_t slots = (table.mask + 1) * 2;
  SubTable larger{std::make_unique<std::uint64_t[]>(slots), slots - 1, table.used, table.depth};
  for (std::uint32_t i = 0; i <= table.mask; ++i) {
    if (table.slots[i] != 0) place(larger, table.slots[i]);
  }
  bytes_ += slots / 2 * sizeof(std::uint64_t);
  table = std::move(larger);
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
  const std::uint32_t slots = tables_[number].mask + 1;
  SubTable halves[2] = {{std::make_unique<std::uint64_t[]>(slots), slots - 1, 0, depth},
                        {std::make_unique<std::uint64_t[]>(slots), slots - 1, 0, depth}};
  for (std::uint32_t i = 0; i < slots; ++i) {
    const std::uint64_t slot = tables_[number].slots[i];
    if (slot == 0) continue;
    SubTable& half = halves[(static_cast<std::uint32_t>(slot) >> (32 - depth)) & 1];
    place(half, slot);
    ++half.used;
  }
  bytes_ += slots * sizeof(std::uint64_t);
  tables_[number] = std::move(halves[0]);
  tables_.push_back(std::move(halves[1]));
  const std::size_t span = std::size_t{1} << (depth_ - depth);
  const std::size_t first = bucket / (2 * span) * (2 * span);
  publish(number, first, span);
  publish(static_cast<std::uint32_t>(tables_.size() - 1), first + span, span);
}

void TableIndex::publish(std::uint32_t table, std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count; ++i) {
    directory_[i] = {tables_[table].slots.get(), tables_[table].mask, table};
  }
}

bool TableIndex::clear_some() {
  const std::size_t end = std::min(cleared_ + kClearTablesPerCall, tables_.size());
  for (; cleared_ < end; ++cleared_) {
    SubTable& table = tables_[cleared_];
    if (table.used > 0) std::fill_n(table.slots.get(), table.mask + 1, 0);
    table.used = 0;
  }
  if (cleared_ < tables_.size()) return false;
  cleared_ = 0;
  return true;
}

}  // namespace millstream::inline v0
