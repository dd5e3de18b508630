// BlockMemory: where the blocks of the cold store's cache lie. Any reader brings one in and any other one throws it
// out; on the heap each would leave holes in the arena of the reader that brought it, which nobody else can use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// A block has whole pages of 4 KiB. Up to 8 of them are a cell of a slab of 256 KiB, whose cells have one size; larger
/// blocks are mapped each for itself. What is free stays resident up to a sixteenth of the memory, and more of it goes
/// back to the system at once, so what sizes blocks have, or had before, does not matter. Where the system's pages are
/// larger it keeps more. Any thread.
class MILLSTREAM_EXPORT BlockMemory {
 public:
  /// For so many bytes at once; more is slower. Throws std::bad_alloc.
  explicit BlockMemory(std::size_t bytes);
  /// All has been given back.
  ~BlockMemory();
  BlockMemory(const BlockMemory&) = delete;
  BlockMemory& operator=(const BlockMemory&) = delete;

  /// At least so many bytes, on a page. Throws std::bad_alloc.
  [[nodiscard]] void* take(std::size_t bytes);
  /// What take() gave.
  void give_back(void* at) noexcept;
  /// What take() uses for so many.
  [[nodiscard]] static std::size_t used_for(std::size_t bytes) noexcept;
  /// What is free and resident all the same, in bytes.
  [[nodiscard]] std::size_t spare_bytes() const;

 private:
  static constexpr std::size_t kSizes = 8;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Slab {
    std::uint64_t free = 0;      // a bit for each cell
    std::uint64_t resident = 0;  // of these, about: those that were taken once and have not gone back to the system
    std::uint32_t pages = 0;     // of a cell
    std::uint32_t next = kNone;  // in the list of those of its size that have a free cell
    std::uint32_t before = kNone;
  };
  [[nodiscard]] std::byte* slab_at(std::uint32_t number) const noexcept;
  [[nodiscard]] std::uint32_t new_slab(std::uint32_t pages);
  void link(std::uint32_t number) noexcept;
  void unlink(std::uint32_t number) noexcept;
  [[nodiscard]] void* map_apart(std::size_t bytes);

  std::byte* region_ = nullptr;
  std::size_t slabs_max_;
  std::size_t spare_max_;
  mutable std::mutex mutex_;
  std::size_t spare_ = 0;
  std::vector<Slab> slabs_;                       // that have been used
  std::vector<std::uint32_t> empty_;              // of these
  std::array<std::uint32_t, kSizes> roomy_{};     // by pages - 1, the first that has a free cell
  std::unordered_map<void*, std::size_t> apart_;  // mapped each for itself -> bytes
};

}  // namespace millstream::inline v0
