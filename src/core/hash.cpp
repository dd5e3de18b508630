// XXH3 by its own inline header; the column form is the same function for a fixed length of eight.
#include "millstream/core/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <cstring>

namespace millstream::inline v0 {
namespace {

static_assert(std::endian::native == std::endian::little, "the hash of a number is that of its little-endian bytes");

constexpr std::uint64_t kSeed = 0x6d696c6c73747265;  // "millstre"; frozen with the state format

}  // namespace

std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept {
  return XXH3_64bits_withSeed(data, size, kSeed);
}

void hash_column_u64(const void* first, std::size_t stride, std::size_t count, std::uint64_t* hashes) noexcept {
  const auto* at = static_cast<const unsigned char*>(first);
  for (std::size_t i = 0; i < count; ++i, at += stride) hashes[i] = XXH3_64bits_withSeed(at, 8, kSeed);
}

}  // namespace millstream::inline v0
