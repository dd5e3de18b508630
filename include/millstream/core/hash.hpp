// The hash of keys: XXH3 with 64 bits and a fixed seed. It decides which shard owns a key and is part of the state
// format, so it is frozen; std::hash is not used anywhere.
#pragma once

#include <cstddef>
#include <cstdint>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// XXH3-64 of `size` bytes with the library's seed.
[[nodiscard]] MILLSTREAM_EXPORT std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept;

/// For each of `count` 64-bit integers, the first at `first` and each next one `stride` bytes behind, the hash of its
/// eight little-endian bytes. A column at a time, so that the call is paid once a batch.
MILLSTREAM_EXPORT void hash_column_u64(const void* first, std::size_t stride, std::size_t count,
                                       std::uint64_t* hashes) noexcept;

}  // namespace millstream::inline v0
