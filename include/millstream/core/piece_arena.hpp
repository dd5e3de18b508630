// PieceArena: memory in pieces of one size for tables that outgrow the cache. The pieces lie side by side on huge pages
// where the system gives them: a random access to a large table misses the TLB on nearly every 4 KiB page, and walking
// the page tables then costs more than the access itself.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

class PageToucher;

/// Belongs to one shard. Pieces must not be used after the arena has gone. Behind the first ones, which lie on small
/// pages, memory becomes resident a huge page (2 MiB) at a time, on a thread of its own and ahead of what take() has
/// given.
class MILLSTREAM_EXPORT PieceArena {
 public:
  enum class Growth {
    kFast,     ///< the first 4 MiB lie on small pages
    kBounded,  ///< the first 64 MiB: what is touched ahead is little beside the rest, and below that there is none
  };
  /// `piece_bytes` is rounded up to whole cache lines.
  explicit PieceArena(std::size_t piece_bytes, Growth growth = Growth::kFast);
  ~PieceArena();
  PieceArena(const PieceArena&) = delete;
  PieceArena& operator=(const PieceArena&) = delete;

  /// Uninitialised memory that begins on a cache line. Throws std::bad_alloc.
  [[nodiscard]] void* take();
  /// What take() gave; the next take() gives it out again.
  void give_back(void* piece) noexcept;

 private:
  struct Piece {
    Piece* next;
  };
  void touch_ahead();

  std::size_t piece_bytes_;
  std::size_t region_bytes_;
  std::size_t small_page_bytes_;  // of all regions
  std::vector<void*> regions_;
  Piece* free_ = nullptr;
  std::size_t used_ = 0;                  // bytes of the last region
  std::size_t touched_ = 0;               // of these, and beyond: those that the toucher was asked for
  void* next_region_ = nullptr;           // ready for when the last one is full
  std::shared_ptr<PageToucher> toucher_;  // null where there is none
};

}  // namespace millstream::inline v0
