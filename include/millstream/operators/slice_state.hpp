// SliceState: one slice of event time, and what stands beside its entries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "millstream/core/piece_vector.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/operators/slice_tables.hpp"
#include "millstream/window/slice_grid.hpp"

namespace millstream::inline v0 {

/// A slice and, while it is in the stacks of a sliding window, the columns beside its entries.
template <class K, class Acc>
struct SliceState : SliceTables<K, Acc>::Place {
  static constexpr std::uint32_t kNone = SliceTables<K, Acc>::kNone;

  /// What an entry of a slice in the front has beside it.
  struct Front {
    Acc suffix;                        // merge of this and all later front slices of the key
    SliceState* next = nullptr;        // the next front slice that has the key,
    std::uint32_t next_entry = kNone;  // and its entry there
  };
  Slice slice;
  Timestamp first_end;                // of the first window that holds it
  Timestamp last_end;                 // of the last one
  PieceVector<std::uint32_t> totals;  // entry -> its key's number in the totals
  PieceVector<Front> fronts;
  std::size_t accounted = 0;
  std::size_t accounted_heap = 0;  // of these, what entries own
};

/// By number.
template <class K, class Acc>
using SliceMap = std::map<std::int64_t, std::unique_ptr<SliceState<K, Acc>>>;

}  // namespace millstream::inline v0
