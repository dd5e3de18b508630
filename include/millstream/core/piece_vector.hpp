// PieceVector: a long array in pieces. It grows without being copied and is taken down a piece at a time, and its
// memory is used again: to move, touch or give back the memory of millions of values at once takes longer than a step
// may.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace millstream::inline v0 {

/// What the vectors of one kind leave behind for each other. Belongs to one shard.
template <class T>
using SparePieces = std::vector<std::vector<T>>;

template <class T>
class PieceVector {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return pieces_[i >> kPieceBits][i & kPieceMask]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return const_cast<PieceVector&>(*this)[i]; }

  void push_back(T value, SparePieces<T>& spare) {
    if (size_ >> kPieceBits == pieces_.size()) add_piece(spare);  // a push that threw may have left an empty one
    pieces_.back().push_back(std::move(value));
    ++size_;
  }
  /// Takes out the last values, some thousand at most; returns how many.
  std::size_t drop_piece(SparePieces<T>& spare) {
    if (pieces_.empty()) return 0;
    const std::size_t dropped = pieces_.back().size();
    pieces_.back().clear();
    if (pieces_.back().capacity() > kPieceMask) spare.push_back(std::move(pieces_.back()));
    pieces_.pop_back();
    size_ -= dropped;
    return dropped;
  }

 private:
  static constexpr std::size_t kPieceBits = 12;
  static constexpr std::size_t kPieceMask = (std::size_t{1} << kPieceBits) - 1;

  [[gnu::noinline]] void add_piece(SparePieces<T>& spare) {
    if (!pieces_.empty() && !spare.empty()) {
      pieces_.push_back(std::move(spare.back()));
      spare.pop_back();
      return;
    }
    pieces_.emplace_back();
    // The first one grows as it fills: most columns are short.
    if (pieces_.size() > 1) pieces_.back().reserve(kPieceMask + 1);
  }

  std::vector<std::vector<T>> pieces_;
  std::size_t size_ = 0;
};

}  // namespace millstream::inline v0
