// Regions of address space, asked for as huge pages and touched ahead.
#include "millstream/core/piece_arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

#include "core/page_toucher.hpp"
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
      region_bytes_{round_up(std::max(kRegionBytes, piece_bytes_), kHugePage)},
      toucher_{PageToucher::shared()} {}

PieceArena::~PieceArena() {
  if (next_region_ != nullptr) regions_.push_back(next_region_);  // there is room: see take()
  for (void* region : regions_) {
    if (toucher_) toucher_->forget(static_cast<std::byte*>(region), region_bytes_);
    ::munmap(region, region_bytes_);
  }
}

void* PieceArena::take() {
  if (free_ != nullptr) {
    Piece* piece = free_;
    free_ = piece->next;
    return piece;
  }
  if (regions_.empty() || used_ + piece_bytes_ > region_bytes_) {
    regions_.reserve(regions_.size() + 2);  // before there is a region to lose
    regions_.push_back(next_region_ != nullptr ? std::exchange(next_region_, nullptr) : map_region(region_bytes_));
    used_ = 0;
    touched_ = kHugePage;  // who takes the first piece is there before anybody else
  }
  void* piece = static_cast<std::byte*>(regions_.back()) + used_;
  used_ += piece_bytes_;
  if (toucher_) touch_ahead();
  return piece;
}

void PieceArena::touch_ahead() {
  const std::size_t usable = region_bytes_ / piece_bytes_ * piece_bytes_;
  const std::size_t wanted = round_up(used_, kHugePage) + kHugePage;
  if (wanted <= touched_) return;
  const std::size_t until = std::min(wanted, round_up(usable, kHugePage));
  if (until > touched_) {
    toucher_->touch(static_cast<std::byte*>(regions_.back()) + touched_, until - touched_);
  } else if (next_region_ == nullptr) {
    next_region_ = map_region(region_bytes_);
    toucher_->touch(static_cast<std::byte*>(next_region_), kHugePage);
  }
  touched_ = std::max(touched_, until);
}

void PieceArena::give_back(void* piece) noexcept { free_ = ::new (piece) Piece{free_}; }

}  // namespace millstream::inline v0
