// The memory behind the entries of a table: how it grows.
#include "millstream/state/table_blocks.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "millstream/core/cache_line.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::uint32_t kFirstEntries = 64;          // a window with few keys should not hold a whole block
constexpr std::size_t kArenaFrom = 2 * 1024 * 1024;  // bytes: an arena begins with a whole huge page

// Entries begin on cache lines, so that one of half a line never lies in two.
std::align_val_t block_alignment(std::size_t entry_alignment) {
  return std::align_val_t{std::max(entry_alignment, kCacheLine)};
}

}  // namespace

TableBlocks::~TableBlocks() {
  for (std::size_t i = 0; i < heap_blocks_; ++i) free_heap_block(blocks_[i]);
}

// Uninitialised memory for `count` entries.
void* TableBlocks::heap_block(std::size_t count) const {
  return ::operator new(count * layout_.bytes, block_alignment(layout_.alignment));
}
void TableBlocks::free_heap_block(void* block) const noexcept {
  ::operator delete(block, block_alignment(layout_.alignment));
}

void TableBlocks::add_block() {
  if (blocks_.size() == blocks_.capacity()) blocks_.reserve(std::max<std::size_t>(2 * blocks_.size(), 1));
  if (blocks_.empty()) {
    blocks_.push_back(heap_block(kFirstEntries));
    heap_blocks_ = 1;
    first_capacity_ = kFirstEntries;
  } else if (first_capacity_ < kBlockEntries) {
    // Only the first block ever moves, while it is small. No place is free, or there would be no need.
    const std::uint32_t larger = first_capacity_ * 4;
    void* const to = heap_block(larger);
    layout_.relocate(to, blocks_.front(), ends_);
    free_heap_block(std::exchange(blocks_.front(), to));
    first_capacity_ = larger;
  } else if (layout_.alignment > kCacheLine || blocks_.size() * kBlockEntries * layout_.bytes < kArenaFrom) {
    blocks_.push_back(heap_block(kBlockEntries));
    heap_blocks_ = blocks_.size();
  } else {
    if (!arena_) arena_ = std::make_unique<PieceArena>(kBlockEntries * layout_.bytes, growth_);
    blocks_.push_back(arena_->take());
  }
  if (!live_.empty()) live_.resize(blocks_.size() * (kBlockEntries / 64), ~std::uint64_t{0});
  if (changes_) changes_->reserve(capacity());
}

void TableBlocks::track_changes() {
  MILLSTREAM_ASSERT(empty());
  if (changes_) return;
  changes_ = std::make_unique<EntryChanges>();
  changes_->reserve(capacity());
}

void TableBlocks::track_spilling() {
  track_changes();
  changes_->track_spilling();
}

void TableBlocks::begin_erasing() { live_.assign(blocks_.size() * (kBlockEntries / 64), ~std::uint64_t{0}); }

}  // namespace millstream::inline v0
