// ByteWriter and ByteReader: the two ends of the binary state format. The writer appends to the caller's string or byte
// vector, the reader is a bounds-checked view of bytes that nobody has to trust. Neither is safe to share between
// threads.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "millstream/core/assert.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// How deep structs may nest in one value, written or read: a bound on the stack that hostile bytes can use.
inline constexpr int kNestingMax = 64;

/// Appends to a std::string or std::vector<std::byte>. While a writer lives the target may be longer than what was
/// written and belongs to the writer; `flush()` or the destructor gives it back with its exact length.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) noexcept : ByteWriter{&out, out.size(), &grow_string} {}
  explicit ByteWriter(std::vector<std::byte>& out) noexcept : ByteWriter{&out, out.size(), &grow_vector} {}
  ByteWriter(const ByteWriter&) = delete;
  ByteWriter& operator=(const ByteWriter&) = delete;
  ~ByteWriter() { flush(); }

  void write_bytes(const void* data, std::size_t size) {
    if (size == 0) return;
    std::memcpy(claim(size), data, size);
    used_ += size;
  }
  void write_bytes(std::string_view bytes) { write_bytes(bytes.data(), bytes.size()); }

  /// A number or enum at its own width, little-endian; floating point as its IEEE 754 bits.
  template <class N>
  void write_fixed(N value) {
    static_assert(std::is_trivially_copyable_v<N> && sizeof(N) <= 8);
    char bytes[sizeof(N)];
    std::memcpy(bytes, &value, sizeof(N));
    if constexpr (std::endian::native == std::endian::big) std::reverse(bytes, bytes + sizeof(N));
    std::memcpy(claim(sizeof(N)), bytes, sizeof(N));
    used_ += sizeof(N);
  }

  /// Unsigned LEB128: seven bits a byte, lowest first, at most ten bytes.
  void write_varint(std::uint64_t value) {
    char* at = claim(10);
    while (value >= 0x80) {
      *at++ = static_cast<char>(value | 0x80);
      value >>= 7;
      ++used_;
    }
    *at = static_cast<char>(value);
    ++used_;
  }

  /// Bytes that this writer has written.
  [[nodiscard]] std::size_t written() const noexcept { return used_ - begin_; }

  /// What this writer has written, until it writes again.
  [[nodiscard]] std::string_view view() const noexcept { return {data_ + begin_, written()}; }
  /// Forgets what was written; the target keeps its room.
  void rewind() noexcept {
    used_ = begin_;
    depth_ = 0;
  }

  /// Gives the target its exact length. Writing may go on afterwards.
  void flush() noexcept {
    if (size_ != used_) grow_(*this, used_);
  }

  /// Brackets a nested struct; `enter` throws std::length_error beyond kNestingMax, since no reader would take it.
  void enter() {
    if (++depth_ > kNestingMax) too_deep();
  }
  void leave() noexcept { --depth_; }

 private:
  using Grow = void (*)(ByteWriter&, std::size_t size);

  ByteWriter(void* target, std::size_t size, Grow grow) noexcept
      : target_{target}, grow_{grow}, begin_{size}, used_{size}, size_{size} {}

  char* claim(std::size_t more) {
    // Twice what this writer wrote: appending stays linear without zeroing a large target for a small value.
    if (size_ - used_ < more) [[unlikely]]
      grow_(*this, used_ + std::max({more, written(), std::size_t{64}}));
    return data_ + used_;
  }

  MILLSTREAM_EXPORT static void grow_string(ByteWriter& writer, std::size_t size);
  MILLSTREAM_EXPORT static void grow_vector(ByteWriter& writer, std::size_t size);
  [[noreturn]] MILLSTREAM_EXPORT static void too_deep();

  void* target_;
  Grow grow_;
  char* data_ = nullptr;
  std::size_t begin_;
  std::size_t used_;
  std::size_t size_;
  int depth_ = 0;
};

/// Reads bytes that a ByteWriter wrote, or any others: every function returns false, and reads nothing beyond the end,
/// when the bytes do not hold what is asked for. The bytes must outlive the reader.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : at_{bytes.data()}, end_{bytes.data() + bytes.size()} {}
  ByteReader(const void* data, std::size_t size) noexcept
      : ByteReader{std::string_view{static_cast<const char*>(data), size}} {}

  [[nodiscard]] std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  [[nodiscard]] bool read_bytes(void* data, std::size_t size) noexcept {
    if (remaining() < size) return false;
    if (size != 0) std::memcpy(data, at_, size);
    at_ += size;
    return true;
  }

  /// A view of the next `size` bytes, valid as long as the underlying bytes.
  [[nodiscard]] bool read_view(std::size_t size, std::string_view& view) noexcept {
    if (remaining() < size) return false;
    view = {at_, size};
    at_ += size;
    return true;
  }

  template <class N>
  [[nodiscard]] bool read_fixed(N& value) noexcept {
    static_assert(std::is_trivially_copyable_v<N> && sizeof(N) <= 8);
    char bytes[sizeof(N)];
    if (!read_bytes(bytes, sizeof(N))) return false;
    if constexpr (std::endian::native == std::endian::big) std::reverse(bytes, bytes + sizeof(N));
    std::memcpy(&value, bytes, sizeof(N));
    return true;
  }

  /// Takes only the shortest form of a number, so that equal values have equal bytes.
  [[nodiscard]] bool read_varint(std::uint64_t& value) noexcept {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) {
      value = static_cast<unsigned char>(*at_++);
      return true;
    }
    return read_long_varint(value);
  }

  /// A varint that counts elements or bytes to come. False where it is larger than the bytes left, so that whoever
  /// reserves by it never reserves more than the input justifies.
  [[nodiscard]] bool read_count(std::size_t& count) noexcept {
    std::uint64_t value = 0;
    if (!read_varint(value) || value > remaining()) return false;
    count = static_cast<std::size_t>(value);
    return true;
  }

  /// Brackets a nested struct; false beyond kNestingMax.
  [[nodiscard]] bool enter() noexcept { return ++depth_ <= kNestingMax; }
  void leave() noexcept { --depth_; }

 private:
  [[nodiscard]] MILLSTREAM_EXPORT bool read_long_varint(std::uint64_t& value) noexcept;

  const char* at_;
  const char* end_;
  int depth_ = 0;
};

}  // namespace millstream::inline v0
