// Regions of address space, asked for as huge pages and touched ahead.
#include "millstream/core/piece_arena.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

#include "core/page_toucher.hpp"
#include "millstream/core/cache_line.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kHugePage = 2 * 1024 * 1024;
// MPOL_DEFAULT and MPOL_PREFERRED of linux/mempolicy.h
constexpr int kDefaultPolicy = 0;
constexpr int kPreferNode = 1;
// Address space, not memory: large enough that what does not divide by the size of a piece is little.
constexpr std::size_t kRegionBytes = 16 * kHugePage;
// An arena begins on small pages: there is nobody yet who would touch a huge one ahead, and a table of this size hardly
// misses the TLB. Shortly before their end the first huge page is touched.
constexpr std::size_t kSmallPageBytes = 2 * kHugePage;
// Where memory has a limit: two huge pages that are touched and not used yet are a sixteenth of that.
constexpr std::size_t kBoundedSmallPageBytes = 2 * kRegionBytes;

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Memory comes from the node of the caller, a shard, and not of who touches it first; where the program has a policy of
// its own it stays.
void prefer_this_node(void* region, std::size_t bytes) {
  int policy = 0;
  unsigned core = 0;
  unsigned node = 0;
  if (::syscall(SYS_get_mempolicy, &policy, nullptr, 0UL, nullptr, 0UL) != 0 || policy != kDefaultPolicy) return;
  if (::syscall(SYS_getcpu, &core, &node, nullptr) != 0 || node >= 64) return;
  const unsigned long nodes = 1UL << node;
  (void)::syscall(SYS_mbind, region, bytes, kPreferNode, &nodes, 64UL + 1, 0U);
}

// Address space for `bytes` that begins on a huge page; on small ones for the first `small_bytes`.
void* map_region(std::size_t bytes, std::size_t small_bytes) {
  const std::size_t mapped = bytes + kHugePage;
  void* at = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc{};
  auto* first = static_cast<std::byte*>(at);
  const std::size_t skipped =
      round_up(reinterpret_cast<std::uintptr_t>(first), kHugePage) - reinterpret_cast<std::uintptr_t>(first);
  if (skipped > 0) ::munmap(first, skipped);
  std::byte* region = first + skipped;
  if (skipped < kHugePage) ::munmap(region + bytes, kHugePage - skipped);
  prefer_this_node(region, bytes);
#ifdef MADV_HUGEPAGE
  // A system without huge pages gives small ones: slower, nothing worse. Some give huge ones unasked.
  if (small_bytes > 0) (void)::madvise(region, small_bytes, MADV_NOHUGEPAGE);
  (void)::madvise(region + small_bytes, bytes - small_bytes, MADV_HUGEPAGE);
#endif
  return region;
}

}  // namespace

PieceArena::PieceArena(std::size_t piece_bytes, Growth growth)
    : piece_bytes_{round_up(std::max(piece_bytes, sizeof(Piece)), kCacheLine)},
      region_bytes_{round_up(std::max(kRegionBytes, piece_bytes_), kHugePage)},
      small_page_bytes_{growth == Growth::kBounded ? kBoundedSmallPageBytes : kSmallPageBytes},
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
    const std::size_t before = regions_.size() * region_bytes_;
    const std::size_t small_bytes = std::min(region_bytes_, small_page_bytes_ - std::min(small_page_bytes_, before));
    regions_.push_back(next_region_ != nullptr ? std::exchange(next_region_, nullptr)
                                               : map_region(region_bytes_, small_bytes));
    used_ = 0;
    touched_ = std::max(small_bytes, kHugePage);  // by who takes the pieces, or the first huge page ahead of that
  }
  void* piece = static_cast<std::byte*>(regions_.back()) + used_;
  used_ += piece_bytes_;
  if (toucher_) touch_ahead();
  return piece;
}

// In a small arena not at all, in a larger one by two thirds of it at the most, and soon by little of it: what is
// touched and never used is memory that nobody counts.
void PieceArena::touch_ahead() {
  const std::size_t full = (regions_.size() - 1) * region_bytes_ + used_;
  if (full < small_page_bytes_ - kHugePage / 2) return;
  const std::size_t ahead = full < kRegionBytes ? kHugePage : 2 * kHugePage;
  const std::size_t wanted = round_up(used_, kHugePage) + ahead;
  const std::size_t usable = round_up(region_bytes_ / piece_bytes_ * piece_bytes_, kHugePage);
  try {
    for (; touched_ < std::min(wanted, usable); touched_ += kHugePage) {
      toucher_->touch(static_cast<std::byte*>(regions_.back()) + touched_, kHugePage);
    }
    if (wanted > usable && next_region_ == nullptr) {
      next_region_ = map_region(region_bytes_, 0);
      toucher_->touch(static_cast<std::byte*>(next_region_), kHugePage);
    }
  } catch (const std::bad_alloc&) {
    // Who comes there says so, if there is none then either.
  }
}

void PieceArena::give_back(void* piece) noexcept { free_ = ::new (piece) Piece{free_}; }

}  // namespace millstream::inline v0
