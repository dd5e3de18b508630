// Checksum: XXH3-64 of bytes that come in pieces, with the seed of hash_bytes(), so both give the same number. It
// guards what checkpoints keep on disk and is part of their format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/hash.hpp"

namespace millstream::inline v0 {

/// Finds damage, not tampering. A value; for one thread at a time.
class MILLSTREAM_EXPORT Checksum {
 public:
  Checksum() noexcept;
  void add(std::string_view bytes) noexcept;
  /// Of all bytes added so far; adding may go on.
  [[nodiscard]] std::uint64_t value() const noexcept;

  /// Of bytes that lie together.
  [[nodiscard]] static std::uint64_t of(std::string_view bytes) noexcept {
    return hash_bytes(bytes.data(), bytes.size());
  }

 private:
  static constexpr std::size_t kStateBytes = 576;  // of XXH3_state_t
  alignas(64) unsigned char state_[kStateBytes];
};

}  // namespace millstream::inline v0
