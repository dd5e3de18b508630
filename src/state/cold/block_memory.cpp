// Slabs in one region of address space, so that a slab is found by its number. What is known of cells is beside them,
// for a free one may have no memory.
#include "state/cold/block_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::uint32_t kSlabPages = 64;
constexpr std::size_t kSlabBytes = kSlabPages * kPageBytes;
constexpr std::size_t kSpareShare = 16;
constexpr std::size_t kSlabsPerByte = 4;  // address space alone: slabs of a size that few blocks have now

std::size_t pages_of(std::size_t bytes) noexcept { return bytes / kPageBytes + (bytes % kPageBytes != 0 ? 1 : 0); }

std::uint64_t all_cells(std::uint32_t pages) noexcept {
  const std::uint32_t cells = kSlabPages / pages;
  return cells == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << cells) - 1;
}

void* map(std::size_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc{};
#ifdef MADV_NOHUGEPAGE
  (void)::madvise(at, bytes, MADV_NOHUGEPAGE);
#endif
  return at;
}

}  // namespace

BlockMemory::BlockMemory(std::size_t bytes)
    : slabs_max_{kSlabsPerByte * bytes / kSlabBytes + kSizes}, spare_max_{std::max(bytes / kSpareShare, kSlabBytes)} {
  roomy_.fill(kNone);
  slabs_.reserve(slabs_max_);
  empty_.reserve(slabs_max_);
  region_ = static_cast<std::byte*>(map(slabs_max_ * kSlabBytes));
}
BlockMemory::~BlockMemory() {
  MILLSTREAM_ASSERT(apart_.empty());
  ::munmap(region_, slabs_max_ * kSlabBytes);
}

std::size_t BlockMemory::used_for(std::size_t bytes) noexcept {
  return std::max<std::size_t>(pages_of(bytes), 1) * kPageBytes;
}

std::size_t BlockMemory::spare_bytes() const {
  const std::scoped_lock lock{mutex_};
  return spare_;
}

std::byte* BlockMemory::slab_at(std::uint32_t number) const noexcept { return region_ + number * kSlabBytes; }

std::uint32_t BlockMemory::new_slab(std::uint32_t pages) {
  std::uint32_t number = kNone;
  if (!empty_.empty()) {
    number = empty_.back();
    empty_.pop_back();
  } else if (slabs_.size() < slabs_max_) {
    number = static_cast<std::uint32_t>(slabs_.size());
    slabs_.emplace_back();
  } else {
    return kNone;
  }
  slabs_[number] = {};
  slabs_[number].free = all_cells(pages);
  slabs_[number].pages = pages;
  link(number);
  return number;
}

void BlockMemory::link(std::uint32_t number) noexcept {
  Slab& slab = slabs_[number];
  std::uint32_t& first = roomy_[slab.pages - 1];
  slab.before = kNone;
  slab.next = first;
  if (first != kNone) slabs_[first].before = number;
  first = number;
}

void BlockMemory::unlink(std::uint32_t number) noexcept {
  const Slab& slab = slabs_[number];
  (slab.before == kNone ? roomy_[slab.pages - 1] : slabs_[slab.before].next) = slab.next;
  if (slab.next != kNone) slabs_[slab.next].before = slab.before;
}

void* BlockMemory::map_apart(std::size_t bytes) {
  void* const at = map(bytes);
  try {
    const std::scoped_lock lock{mutex_};
    apart_.emplace(at, bytes);
  } catch (...) {
    ::munmap(at, bytes);
    throw;
  }
  return at;
}

void* BlockMemory::take(std::size_t bytes) {
  const std::size_t used = used_for(bytes);
  if (used < bytes) throw std::bad_alloc{};
  if (used <= kSizes * kPageBytes) {
    const auto pages = static_cast<std::uint32_t>(used / kPageBytes);
    const std::scoped_lock lock{mutex_};
    std::uint32_t number = roomy_[pages - 1];
    if (number == kNone) number = new_slab(pages);
    if (number != kNone) {
      Slab& slab = slabs_[number];
      const std::uint64_t spare = slab.free & slab.resident;
      const auto cell = static_cast<std::uint32_t>(std::countr_zero(spare != 0 ? spare : slab.free));
      if (spare != 0) spare_ -= used;
      slab.free &= ~(std::uint64_t{1} << cell);
      slab.resident |= std::uint64_t{1} << cell;
      if (slab.free == 0) unlink(number);
      return slab_at(number) + cell * used;
    }
  }
  return map_apart(used);
}

void BlockMemory::give_back(void* at) noexcept {
  const std::scoped_lock lock{mutex_};
  auto* const byte = static_cast<std::byte*>(at);
  if (byte < region_ || byte >= region_ + slabs_max_ * kSlabBytes) {
    const auto found = apart_.find(at);
    MILLSTREAM_ASSERT(found != apart_.end());
    ::munmap(at, found->second);
    apart_.erase(found);
    return;
  }
  const auto number = static_cast<std::uint32_t>(static_cast<std::size_t>(byte - region_) / kSlabBytes);
  Slab& slab = slabs_[number];
  const std::size_t used = slab.pages * kPageBytes;
  const std::uint64_t bit = std::uint64_t{1} << (static_cast<std::size_t>(byte - slab_at(number)) / used);
  MILLSTREAM_ASSERT((slab.free & bit) == 0);
  if (slab.free == 0) link(number);
  slab.free |= bit;
  spare_ += used;
  if (spare_ > spare_max_ && ::madvise(at, used, MADV_DONTNEED) == 0) {
    slab.resident &= ~bit;
    spare_ -= used;
  }
  // The last one of its size that has a free cell stays what it is, or one block that comes and goes would make it
  // anew.
  if (slab.free != all_cells(slab.pages) || (slab.next == kNone && slab.before == kNone)) return;
  const std::size_t resident = static_cast<std::size_t>(std::popcount(slab.resident)) * used;
  if (resident > 0 && ::madvise(slab_at(number), kSlabBytes, MADV_DONTNEED) != 0) return;
  spare_ -= resident;
  slab.resident = 0;
  unlink(number);
  empty_.push_back(number);  // there is room: see the constructor
}

}  // namespace millstream::inline v0
