// Keys of the cold store as bytes that sort: an ordered prefix of the state's key where the column has one (the slice
// of a window), the key group, and the rest of the state's key. So what one shard holds is one range, and so is its
// share of a slice. Part of the format of images: docs/formats.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {

inline constexpr std::size_t kColdGroupBytes = 2;

/// Appends where the keys of `key_group` behind `prefix` begin. That of the next group is where they end.
inline void append_cold_group(std::string& out, std::string_view prefix, std::uint32_t key_group) {
  MILLSTREAM_ASSERT(key_group <= 0xffff);
  out.append(prefix);
  out.push_back(static_cast<char>(key_group >> 8));
  out.push_back(static_cast<char>(key_group & 0xff));
}

/// Appends the store's key. `key` is the state's, encoded, and begins with the column's `prefix_bytes`.
inline void append_cold_key(std::string& out, std::size_t prefix_bytes, std::uint32_t key_group, std::string_view key) {
  MILLSTREAM_ASSERT(prefix_bytes <= key.size());
  append_cold_group(out, key.substr(0, prefix_bytes), key_group);
  out.append(key.substr(prefix_bytes));
}

struct ColdKeyParts {
  std::string_view prefix;
  std::uint32_t key_group = 0;
  std::string_view rest;
};
/// The parts of a key of the store; false where it is too short to be one.
[[nodiscard]] inline bool split_cold_key(std::string_view stored, std::size_t prefix_bytes, ColdKeyParts& parts) {
  if (stored.size() < prefix_bytes + kColdGroupBytes) return false;
  const auto byte = [&](std::size_t at) { return std::uint32_t{static_cast<unsigned char>(stored[at])}; };
  parts = {stored.substr(0, prefix_bytes), byte(prefix_bytes) << 8 | byte(prefix_bytes + 1),
           stored.substr(prefix_bytes + kColdGroupBytes)};
  return true;
}

}  // namespace millstream::inline v0
