// A source whose records are already in memory: replayable, as fast as memory can be copied. The records are shared by
// all copies of the source, so a job neither copies nor changes them.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::memory {

namespace detail {
/// The splits "0" to "`count` - 1".
[[nodiscard]] MILLSTREAM_EXPORT std::vector<Split> numbered_splits(std::size_t count);
/// The number of the context's split, of `count`.
[[nodiscard]] MILLSTREAM_EXPORT Status find_split(const SplitContext& context, std::size_t count, std::size_t& number);
/// Whether a split of `size` records, of which the first `moved_out` are gone, can be read from the context's start.
[[nodiscard]] MILLSTREAM_EXPORT Status check_start(const SplitContext& context, std::size_t size,
                                                   std::uint64_t moved_out);
}  // namespace detail

/// Emits each of its splits in order; a position's offset counts the records of the split. Records that can only be
/// moved are moved out: such a source can be read once, and reading it again from an earlier place is an error.
template <class T>
class Source {
 public:
  /// One split for each inner vector; the ids are "0", "1", ...
  explicit Source(std::vector<std::vector<T>> splits) : data_{std::make_shared<Data>(std::move(splits))} {}

  std::vector<Split> splits(SourceContext&) const { return detail::numbered_splits(data_->splits.size()); }

  Status open(SplitContext& context) {
    Status status = detail::find_split(context, data_->splits.size(), number_);
    if (!status.ok()) return status;
    next_ = context.split().start.offset;
    std::uint64_t moved_out = 0;
    if constexpr (!std::copy_constructible<T>) moved_out = data_->moved_out[number_].load(std::memory_order_relaxed);
    return detail::check_start(context, data_->splits[number_].size(), moved_out);
  }

  Poll poll(SourceOutput<T>& out) {
    std::vector<T>& records = data_->splits[number_];
    if constexpr (!std::copy_constructible<T>) {
      while (out.room() > 0 && next_ < records.size()) out.emit(std::move(records[next_++]));
      data_->moved_out[number_].store(next_, std::memory_order_relaxed);
    } else if constexpr (kOwnsHeap<T> || std::same_as<T, bool>) {  // std::vector<bool> shows no bools to a span
      while (out.room() > 0 && next_ < records.size()) out.emit(static_cast<const T&>(records[next_++]));
    } else {
      const std::size_t count = std::min(out.room(), records.size() - next_);
      out.emit_all(std::span<const T>{records.data() + next_, count});
      next_ += count;
    }
    return next_ < records.size() ? Poll::more() : Poll::done();
  }

  [[nodiscard]] Position position() const { return {next_, {}}; }

 private:
  struct Data {
    explicit Data(std::vector<std::vector<T>> all)
        : splits{std::move(all)}, moved_out(std::copy_constructible<T> ? 0 : splits.size()) {}
    std::vector<std::vector<T>> splits;                 // each is read by the one shard that owns the split
    std::vector<std::atomic<std::uint64_t>> moved_out;  // records gone from each split, where T cannot be copied
  };
  std::shared_ptr<Data> data_;
  std::size_t number_ = 0;
  std::size_t next_ = 0;
};

/// A source of one split.
template <class T>
[[nodiscard]] Source<T> source(std::vector<T> records) {
  std::vector<std::vector<T>> splits(1);
  splits.front() = std::move(records);
  return Source<T>{std::move(splits)};
}

/// A source with one split for each inner vector, to be read by several shards.
template <class T>
[[nodiscard]] Source<T> split_source(std::vector<std::vector<T>> splits) {
  return Source<T>{std::move(splits)};
}

}  // namespace millstream::inline v0::memory
