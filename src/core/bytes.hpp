// Byte-level helpers for the compact formats of sketches and histograms: LEB128 varints, zigzag, and doubles as eight
// little-endian bytes. Readers take bytes off the front of `in`, never read past its end, and return false on what a
// writer cannot have written.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millstream::inline v0::detail {

inline constexpr std::size_t kVarintBytesMax = 10;
/// Writes up to kVarintBytesMax bytes and returns the place behind them.
inline char* write_varint(char* at, std::uint64_t value) noexcept {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(static_cast<unsigned char>(value | 0x80));
  *at++ = static_cast<char>(static_cast<unsigned char>(value));
  return at;
}
inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(static_cast<unsigned char>(value | 0x80)));
  out.push_back(static_cast<char>(static_cast<unsigned char>(value)));
}

/// Also refuses values above 64 bits and needless trailing zero groups, so each value has exactly one form.
inline bool read_varint(std::string_view& in, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < in.size() && i < 10; ++i) {
    const std::uint64_t byte = static_cast<unsigned char>(in[i]);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if ((i == 9 && byte > 1) || (i > 0 && byte == 0)) return false;
      in.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

inline void append_double(std::string& out, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(bits >> shift)));
  }
}

inline bool read_double(std::string_view& in, double& value) {
  if (in.size() < 8) return false;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits |= std::uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
  value = std::bit_cast<double>(bits);
  in.remove_prefix(8);
  return true;
}

inline bool read_byte(std::string_view& in, std::uint8_t& value) {
  if (in.empty()) return false;
  value = static_cast<std::uint8_t>(in.front());
  in.remove_prefix(1);
  return true;
}

}  // namespace millstream::inline v0::detail
