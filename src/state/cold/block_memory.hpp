// BlockMemory: where the blocks of the cold store's cache lie. Any reader brings one in and any other one throws it
// out; on the heap each would leave holes in the arena of the reader that brought it, which nobody else can use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// Cells of few sizes in slabs of 64 KiB; a slab that has become empty is for cells of any size again. Any thread.
class MILLSTREAM_EXPORT BlockMemory {
 public:
  /// For so many bytes at once; what goes beyond that comes from the heap. Throws std::bad_alloc.
  explicit BlockMemory(std::size_t bytes);
  /// All has been given back.
  ~BlockMemory();
  BlockMemory(const BlockMemory&) = delete;
  BlockMemory& operator=(const BlockMemory&) = delete;

  /// At least so many bytes, on 16. Throws std::bad_alloc.
  [[nodiscard]] void* take(std::size_t bytes);
  /// What take() gave.
  void give_back(void* at) noexcept;
  /// What take() uses for so many.
  [[nodiscard]] static std::size_t used_for(std::size_t bytes) noexcept;
  /// In slabs that have been used, in bytes.
  [[nodiscard]] std::size_t slab_bytes() const;

 private:
  static constexpr std::size_t kSizes = 8;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Cell {
    Cell* next;
  };
  struct Slab {
    Cell* free = nullptr;
    std::uint32_t size = 0;    // of its cells, by number
    std::uint32_t used = 0;    // cells
    std::uint32_t carved = 0;  // cells that were ever given out
    std::uint32_t next = kNone;
    std::uint32_t before = kNone;  // in the list of those of its size that have room
  };
  [[nodiscard]] std::byte* slab_at(std::uint32_t number) const noexcept;
  [[nodiscard]] bool has_room(const Slab& slab) const noexcept;
  [[nodiscard]] std::uint32_t new_slab(std::uint32_t size);
  void link(std::uint32_t number) noexcept;
  void unlink(std::uint32_t number) noexcept;

  std::byte* region_ = nullptr;
  std::size_t slabs_max_;
  mutable std::mutex mutex_;
  std::vector<Slab> slabs_;                    // that have been used
  std::vector<std::uint32_t> empty_;           // of these
  std::array<std::uint32_t, kSizes> roomy_{};  // by size, the first that has room
};

}  // namespace millstream::inline v0
