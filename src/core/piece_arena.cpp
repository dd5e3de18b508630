// Regions of address space, asked for as huge pages.
#include "millstream/core/piece_arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

#include "millstream/core/cache_line.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kHugePage = 2 * 1024 * 1024;
// Address space, not memory: large enough that what does not divide by the size of a piece is little.
constexpr std::size_t kRegionBytes = 16 * kHugePage;

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Address space for `bytes` that begins on a huge page.
void* map_region(std::size_t bytes) {
  const std::size_t mapped = bytes + kHugePage;
  void* at = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc{};
  auto* first = static_cast<std::byte*>(at);
  const std::size_t skipped =
      round_up(reinterpret_cast<std::uintptr_t>(first), kHugePage) - reinterpret_cast<std::uintptr_t>(first);
  if (skipped > 0) ::munmap(first, skipped);
  std::byte* region = first + skipped;
  if (skipped < kHugePage) ::munmap(region + bytes, kHugePage - skipped);
#ifdef MADV_HUGEPAGE
  // A system without huge pages gives small ones: slower, nothing worse.
  (void)::madvise(region, bytes, MADV_HUGEPAGE);
#endif
  return region;
}

}  // namespace

PieceArena::PieceArena(std::size_t piece_bytes)
    : piece_bytes_{round_up(std::max(piece_bytes, sizeof(Piece)), kCacheLine)},
      region_bytes_{round_up(std::max(kRegionBytes, piece_bytes_), kHugePage)} {}

PieceArena::~PieceArena() {
  for (void* region : regions_) ::munmap(region, region_bytes_);
}

void* PieceArena::take() {
  if (free_ != nullptr) {
    Piece* piece = free_;
    free_ = piece->next;
    return piece;
  }
  if (regions_.empty() || used_ + piece_bytes_ > region_bytes_) {
    regions_.reserve(regions_.size() + 1);  // before there is a region to lose
    regions_.push_back(map_region(region_bytes_));
    used_ = 0;
  }
  void* piece = static_cast<std::byte*>(regions_.back()) + used_;
  used_ += piece_bytes_;
  return piece;
}

void PieceArena::give_back(void* piece) noexcept { free_ = ::new (piece) Piece{free_}; }

}  // namespace millstream::inline v0
