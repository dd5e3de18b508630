// MappedArray: a growing array on memory of its own, straight from the system, for large buffers that one thread fills
// and another gives back. From the heap such a buffer stays with the arena of the thread that asked for it, and what
// lies behind it there keeps its place from being of use to anybody else; this one is gone when it is destroyed. It
// grows without a copy, and room beyond the content is address space, not memory.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// The bytes of a MappedArray. Whole pages, and at least one of them once there is content.
class MILLSTREAM_EXPORT MappedMemory {
 public:
  MappedMemory() = default;
  MappedMemory(MappedMemory&& other) noexcept
      : data_{std::exchange(other.data_, nullptr)}, mapped_{std::exchange(other.mapped_, 0)} {}
  MappedMemory& operator=(MappedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~MappedMemory();

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  /// Bytes that there is room for.
  [[nodiscard]] std::size_t room() const noexcept { return mapped_; }
  /// Keeps the content and makes room for `bytes`; it may move. Throws std::bad_alloc.
  void grow(std::size_t bytes);
  /// Of memory that is in use when so many bytes have been written.
  [[nodiscard]] static std::size_t pages_of(std::size_t bytes) noexcept;

 private:
  std::byte* data_ = nullptr;
  std::size_t mapped_ = 0;
};

/// For one thread at a time. Values must not refer into it when it grows.
template <class T>
class MappedArray {
  static_assert(std::is_trivially_copyable_v<T>, "values of a MappedArray move as bytes");

 public:
  MappedArray() = default;
  MappedArray(MappedArray&& other) noexcept
      : memory_{std::move(other.memory_)},
        size_{std::exchange(other.size_, 0)},
        touched_{std::exchange(other.touched_, 0)} {}
  MappedArray& operator=(MappedArray&& other) noexcept {
    memory_ = std::move(other.memory_);
    std::swap(size_, other.size_);
    std::swap(touched_, other.touched_);
    return *this;
  }

  void push_back(const T& value) { append(&value, 1); }
  /// Throws std::bad_alloc, and nothing has changed then.
  void append(const T* values, std::size_t count) {
    if (count == 0) return;
    const std::size_t bytes = (size_ + count) * sizeof(T);
    if (bytes > memory_.room()) [[unlikely]]
      memory_.grow(bytes);
    std::memcpy(memory_.data() + size_ * sizeof(T), values, count * sizeof(T));
    size_ += count;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* data() noexcept { return reinterpret_cast<T*>(memory_.data()); }
  [[nodiscard]] const T* data() const noexcept { return reinterpret_cast<const T*>(memory_.data()); }
  [[nodiscard]] T* begin() noexcept { return data(); }
  [[nodiscard]] T* end() noexcept { return data() + size_; }
  [[nodiscard]] const T* begin() const noexcept { return data(); }
  [[nodiscard]] const T* end() const noexcept { return data() + size_; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data()[i]; }
  /// Only the first `count` values stay.
  void truncate(std::size_t count) noexcept {
    touched_ = touched_ > size_ ? touched_ : size_;
    size_ = count;
  }
  /// Forgets the values; keeps the memory.
  void clear() noexcept { truncate(0); }
  /// Memory in use, in bytes: whole pages, of what was ever written.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return MappedMemory::pages_of((touched_ > size_ ? touched_ : size_) * sizeof(T));
  }

 private:
  MappedMemory memory_;
  std::size_t size_ = 0;
  std::size_t touched_ = 0;  // the largest size that it has had before
};

}  // namespace millstream::inline v0
