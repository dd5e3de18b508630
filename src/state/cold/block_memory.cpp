// Slabs in one region of address space, so that a slab is found by its number; larger blocks have a head that says
// where they are from.
#include "state/cold/block_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <new>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kSlabBytes = std::size_t{64} << 10;
// Nearly all blocks have 4 KiB with their last entry and their trailer; the more sizes, the more slabs with few cells.
constexpr std::size_t kCells[] = {256, 512, 1024, 2048, 3072, 4224, 6144, 8192};
constexpr std::size_t kCellMax = std::end(kCells)[-1];
constexpr std::size_t kMappedFrom = std::size_t{32} << 10;  // filters of small files, in one piece

std::uint32_t size_of(std::size_t bytes) noexcept {
  return static_cast<std::uint32_t>(std::lower_bound(std::begin(kCells), std::end(kCells), bytes) - std::begin(kCells));
}

struct alignas(16) Head {
  std::size_t mapped_bytes;  // 0: from the heap
};

void* map(std::size_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc{};
  return at;
}

void* take_large(std::size_t bytes) {
  const std::size_t with_head = bytes + sizeof(Head);
  if (with_head < bytes) throw std::bad_alloc{};
  const bool mapped = with_head >= kMappedFrom;
  void* at = mapped ? map(with_head) : std::malloc(with_head);
  if (at == nullptr) throw std::bad_alloc{};
  return ::new (at) Head{mapped ? with_head : 0} + 1;
}

void give_back_large(void* at) noexcept {
  Head* const head = static_cast<Head*>(at) - 1;
  if (head->mapped_bytes != 0) {
    ::munmap(head, head->mapped_bytes);
  } else {
    std::free(head);
  }
}

}  // namespace

BlockMemory::BlockMemory(std::size_t bytes) : slabs_max_{2 * bytes / kSlabBytes + kSizes} {
  static_assert(std::size(kCells) == kSizes);
  roomy_.fill(kNone);
  slabs_.reserve(slabs_max_);
  empty_.reserve(slabs_max_);
  region_ = static_cast<std::byte*>(map(slabs_max_ * kSlabBytes));
#ifdef MADV_NOHUGEPAGE
  (void)::madvise(region_, slabs_max_ * kSlabBytes, MADV_NOHUGEPAGE);
#endif
}
BlockMemory::~BlockMemory() { ::munmap(region_, slabs_max_ * kSlabBytes); }

std::size_t BlockMemory::used_for(std::size_t bytes) noexcept {
  if (bytes > kCellMax) return bytes + sizeof(Head);
  return kCells[size_of(bytes)];
}

std::size_t BlockMemory::slab_bytes() const {
  const std::scoped_lock lock{mutex_};
  return slabs_.size() * kSlabBytes;
}

std::byte* BlockMemory::slab_at(std::uint32_t number) const noexcept { return region_ + number * kSlabBytes; }

bool BlockMemory::has_room(const Slab& slab) const noexcept {
  return slab.free != nullptr || (slab.carved + 1) * kCells[slab.size] <= kSlabBytes;
}

std::uint32_t BlockMemory::new_slab(std::uint32_t size) {
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
  slabs_[number].size = size;
  link(number);
  return number;
}

void BlockMemory::link(std::uint32_t number) noexcept {
  Slab& slab = slabs_[number];
  std::uint32_t& first = roomy_[slab.size];
  slab.before = kNone;
  slab.next = first;
  if (first != kNone) slabs_[first].before = number;
  first = number;
}

void BlockMemory::unlink(std::uint32_t number) noexcept {
  const Slab& slab = slabs_[number];
  (slab.before == kNone ? roomy_[slab.size] : slabs_[slab.before].next) = slab.next;
  if (slab.next != kNone) slabs_[slab.next].before = slab.before;
}

void* BlockMemory::take(std::size_t bytes) {
  if (bytes > kCellMax) return take_large(bytes);
  const std::uint32_t size = size_of(bytes);
  {
    const std::scoped_lock lock{mutex_};
    std::uint32_t number = roomy_[size];
    if (number == kNone) number = new_slab(size);
    if (number != kNone) {
      Slab& slab = slabs_[number];
      void* at = slab.free;
      if (at != nullptr) {
        slab.free = slab.free->next;
      } else {
        at = slab_at(number) + slab.carved++ * kCells[slab.size];
      }
      ++slab.used;
      if (!has_room(slab)) unlink(number);
      return at;
    }
  }
  return take_large(bytes);
}

void BlockMemory::give_back(void* at) noexcept {
  auto* const byte = static_cast<std::byte*>(at);
  if (byte < region_ || byte >= region_ + slabs_max_ * kSlabBytes) return give_back_large(at);
  const std::scoped_lock lock{mutex_};
  const auto number = static_cast<std::uint32_t>(static_cast<std::size_t>(byte - region_) / kSlabBytes);
  Slab& slab = slabs_[number];
  MILLSTREAM_ASSERT(slab.used > 0);
  const bool had_room = has_room(slab);
  slab.free = ::new (at) Cell{slab.free};
  if (!had_room) link(number);
  if (--slab.used > 0) return;
  unlink(number);
  empty_.push_back(number);  // there is room: see the constructor
}

}  // namespace millstream::inline v0
