// Phase one of keyed work: the keys of a whole batch become entry numbers of the stage's table, with prefetching,
// before the first record is worked on.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "millstream/channel/batch.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/state/state_table.hpp"

namespace millstream::inline v0 {

/// Entry numbers of the records of one batch. They stay good until an entry of the table is erased.
class KeyedBatch {
 public:
  /// Of the records from `from` on. make(i) counts from there.
  template <class K, class V, class T, class KeyOf, class Make>
  void resolve(StateTable<K, V>& table, const Batch<T>& batch, const KeyOf& key_of, Make&& make,
               std::uint32_t from = 0) {
    MILLSTREAM_ASSERT(batch.empty() || batch.hashes.present());
    const T* values = batch.values() + from;
    table.resolve(
        std::span{batch.hashes.data(), batch.size()}.subspan(from),
        [&](std::size_t i) -> decltype(auto) { return std::invoke(key_of, values[i]); }, std::forward<Make>(make),
        numbers_.data() + from);
  }
  [[nodiscard]] std::uint32_t operator[](std::uint32_t i) const noexcept { return numbers_[i]; }

 private:
  std::array<std::uint32_t, kBatchRecordsMax> numbers_;
};

}  // namespace millstream::inline v0
