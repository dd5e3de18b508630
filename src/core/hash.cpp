// XXH3 by its own inline header; the column form is the same function for a fixed length of eight, the checksum the
// same function of bytes in pieces.
#include "millstream/core/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <cstring>
#include <new>

#include "millstream/core/checksum.hpp"

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

Checksum::Checksum() noexcept {
  static_assert(sizeof(XXH3_state_t) <= kStateBytes && alignof(XXH3_state_t) <= 64);
  auto* state = new (state_) XXH3_state_t;
  XXH3_INITSTATE(state);  // else the reset may take what lies here for a state of this seed, and keep its secret
  XXH3_64bits_reset_withSeed(state, kSeed);
}

void Checksum::add(std::string_view bytes) noexcept {
  XXH3_64bits_update(std::launder(reinterpret_cast<XXH3_state_t*>(state_)), bytes.data(), bytes.size());
}

std::uint64_t Checksum::value() const noexcept {
  return XXH3_64bits_digest(std::launder(reinterpret_cast<const XXH3_state_t*>(state_)));
}

}  // namespace millstream::inline v0
