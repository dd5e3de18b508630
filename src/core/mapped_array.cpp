// Anonymous mappings that grow.
#include "millstream/core/mapped_array.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kFirstBytes = std::size_t{64} << 10;  // of address space

std::size_t page_bytes() noexcept {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

MappedMemory::~MappedMemory() {
  if (data_ != nullptr) ::munmap(data_, mapped_);
}

std::size_t MappedMemory::pages_of(std::size_t bytes) noexcept {
  const std::size_t page = page_bytes();
  return (bytes + page - 1) / page * page;
}

void MappedMemory::grow(std::size_t bytes) {
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc{};
  const std::size_t wanted = pages_of(std::max({bytes, 2 * mapped_, kFirstBytes}));
  void* at = MAP_FAILED;
// ThreadSanitizer (of GCC 12) does not see mremap(): what it knows of the place that is left would be held against the
// thread that gets it next.
#if defined(MREMAP_MAYMOVE) && !defined(__SANITIZE_THREAD__)
  if (data_ != nullptr) {
    at = ::mremap(data_, mapped_, wanted, MREMAP_MAYMOVE);
    if (at == MAP_FAILED) throw std::bad_alloc{};
    data_ = static_cast<std::byte*>(at);
    mapped_ = wanted;
    return;
  }
#endif
  at = ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc{};
#ifdef MADV_NOHUGEPAGE
  // Some systems give huge pages unasked: memory in use would be more than what was written.
  (void)::madvise(at, wanted, MADV_NOHUGEPAGE);
#endif
  if (data_ != nullptr) {
    std::memcpy(at, data_, mapped_);
    ::munmap(data_, mapped_);
  }
  data_ = static_cast<std::byte*>(at);
  mapped_ = wanted;
}

}  // namespace millstream::inline v0
