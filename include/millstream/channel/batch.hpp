// Batch: records that travel together. Beside the values stand columns that are empty when nobody needs them: event
// times, key hashes, origin, kind; and the marks, which are watermarks at their place between two records, so that a
// watermark never cuts a batch. A batch belongs to one stage at a time and returns to its pool when it is let go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/core/assert.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// Records a batch may hold at the most: beyond it the columns of a chain no longer fit the L1 cache.
inline constexpr std::uint32_t kBatchRecordsMax = 1024;
/// Bytes of values that a batch is meant to hold: with its columns it stays inside a 32 KiB L1 cache.
inline constexpr std::size_t kBatchBytes = 16 * 1024;
/// Heap memory (of strings, containers, ...) at which a batch is closed before it is full. Records of up to some 150
/// bytes never reach it; beyond that a batch has left the L1 cache anyway, and what counts is that memory is bounded.
inline constexpr std::size_t kBatchHeapBytes = 64 * 1024;

/// Records of type T that a batch is filled to when the job allows `records_max`.
template <class T>
constexpr std::uint32_t batch_records(std::uint32_t records_max) {
  const std::size_t fit = std::max<std::size_t>(kBatchBytes / (sizeof(T) + sizeof(Timestamp)), 16);
  return static_cast<std::uint32_t>(std::min<std::size_t>({fit, records_max, kBatchRecordsMax}));
}

/// The two watermarks that hold behind a place in a batch.
struct Watermarks {
  Timestamp split = kTimestampMin;   ///< of the record's own split: decides who is late
  Timestamp merged = kTimestampMin;  ///< minimum over everything that feeds this stage: decides what fires
  friend bool operator==(const Watermarks&, const Watermarks&) = default;
};

/// From record `position` on (position == size: behind all), these watermarks hold.
struct Mark {
  std::uint32_t position;
  Watermarks at;
  friend bool operator==(const Mark&, const Mark&) = default;
};

/// What follows behind the last record of a batch.
enum class Control : std::uint8_t {
  kNone,
  kIdle,     ///< the sender has nothing for now and must not hold the watermark back
  kActive,   ///< the sender is back
  kBarrier,  ///< an epoch ends here: what came before belongs to the next checkpoint
  kEnd,      ///< the sender has ended; whether windows fire was said by the last mark
};

/// Where a record came from.
struct Origin {
  std::uint32_t split;     ///< number of the split in its source
  std::uint64_t position;  ///< offset of the record in the split
};

/// What a record does to its key downstream, for changelog streams.
enum class RecordKind : std::uint8_t { kInsert, kRetract };

/// One value a record beside the values; absent until first asked for.
template <class V>
class Column {
 public:
  [[nodiscard]] bool present() const noexcept { return present_; }
  /// Room for kBatchRecordsMax values, uninitialised.
  V* enable() {
    if (!data_) data_.reset(static_cast<V*>(::operator new(sizeof(V) * kBatchRecordsMax)));
    present_ = true;
    return data_.get();
  }
  [[nodiscard]] V* data() noexcept { return data_.get(); }
  [[nodiscard]] const V* data() const noexcept { return data_.get(); }
  void disable() noexcept { present_ = false; }

 private:
  static_assert(std::is_trivially_copyable_v<V>);
  struct Free {
    void operator()(V* data) const noexcept { ::operator delete(data); }
  };
  std::unique_ptr<V[], Free> data_;
  bool present_ = false;
};

class BatchBase;

/// Takes batches back when nobody holds them any more; called on the thread that let the batch go.
class BatchHome {
 public:
  virtual ~BatchHome() = default;
  virtual void take_back(BatchBase* batch) noexcept = 0;
};

/// The part of a batch that does not depend on the type of its values.
class MILLSTREAM_EXPORT BatchBase {
 public:
  virtual ~BatchBase();
  BatchBase(const BatchBase&) = delete;
  BatchBase& operator=(const BatchBase&) = delete;

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool full() const noexcept { return size_ == capacity_; }
  /// Says that the first `size` places now hold values: for loops that construct them in place.
  void set_size(std::uint32_t size) noexcept { size_ = size; }

  Column<Timestamp> times;       ///< event time of each record
  Column<std::uint64_t> hashes;  ///< hash of each record's key
  Column<Origin> origins;        ///< where each record came from
  Column<RecordKind> kinds;      ///< insert or retract; absent = all inserts
  Watermarks start;              ///< what held before the first record
  std::vector<Mark> marks;       ///< by ascending position
  std::int64_t ingested_ns = 0;  ///< monotonic time at which the source read the first of the records
  std::size_t heap_bytes = 0;    ///< that the records own beside their values; counted while they change shards
  std::uint32_t split = 0;       ///< number of the split; meaningful until the event times are set
  Control control = Control::kNone;

  /// What holds behind the last record and mark.
  [[nodiscard]] Watermarks end() const noexcept { return marks.empty() ? start : marks.back().at; }
  /// Notes that `at` holds behind the last record; two marks at one place become the later one.
  void mark(const Watermarks& at) {
    if (!(end() == at)) add_mark(at);
  }
  /// Some record has more than its value.
  [[nodiscard]] bool has_columns() const noexcept {
    return times.present() || hashes.present() || origins.present() || kinds.present();
  }

  /// Takes over columns, marks and control of `from`, whose records the caller turns into ours one by one.
  void take_columns(BatchBase& from) noexcept;
  /// Copies the columns of record `i` of `from` to our record `to`. Columns that only `from` has are enabled: all
  /// records of a batch have the same columns.
  void copy_columns(const BatchBase& from, std::uint32_t i, std::uint32_t to);
  /// Keeps only the columns of the records `kept` (ascending) and moves the marks to where their places now are. The
  /// caller does the same to the values.
  void keep_columns(const std::uint32_t* kept, std::uint32_t count);
  /// Copies everything but the values.
  void copy_frame(const BatchBase& from);
  /// Back to an empty batch without columns, marks or control.
  void reset() noexcept;
  /// Destroys the values, keeps the frame.
  virtual void clear_values() noexcept = 0;

  BatchHome* home = nullptr;
  /// Free list of the pool it rests in.
  BatchBase* next_free = nullptr;

 protected:
  /// Uninitialised memory for `capacity` values of `value_bytes`. The values are gone when it is destroyed.
  BatchBase(std::uint32_t capacity, std::size_t value_bytes, std::align_val_t alignment);
  void* storage_;
  std::uint32_t size_ = 0;

 private:
  void add_mark(const Watermarks& at);

  std::uint32_t capacity_;
  std::align_val_t alignment_;
};

struct BatchReturn {
  void operator()(BatchBase* batch) const noexcept { batch->home->take_back(batch); }
};
using BatchHandle = std::unique_ptr<BatchBase, BatchReturn>;

/// A batch whose values are of type T, in one block of uninitialised memory of `capacity` records.
template <class T>
class Batch final : public BatchBase {
 public:
  explicit Batch(std::uint32_t capacity) : BatchBase{capacity, sizeof(T), std::align_val_t{alignof(T)}} {}
  ~Batch() override { truncate(0); }

  [[nodiscard]] T* values() noexcept { return static_cast<T*>(storage_); }
  [[nodiscard]] const T* values() const noexcept { return static_cast<const T*>(storage_); }

  /// There must be room.
  template <class... Arguments>
  T& emplace_back(Arguments&&... arguments) {
    T* slot = ::new (static_cast<void*>(values() + size_)) T(std::forward<Arguments>(arguments)...);
    ++size_;
    return *slot;
  }
  /// Destroys the values behind the first `size`.
  void truncate(std::uint32_t size) noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>) std::destroy(values() + size, values() + size_);
    size_ = size;
  }
  void clear_values() noexcept override { truncate(0); }
};

namespace detail {
/// A batch of its own. Compiled once for each type, wherever its batches come from.
template <class T>
[[gnu::noinline]] BatchBase* make_batch(std::uint32_t capacity) {
  return new Batch<T>(capacity);
}
}  // namespace detail

/// Recycles batches on one shard. The free list is last in, first out: the batch used last is the one that is still in
/// the cache. It must outlive its batches.
class MILLSTREAM_EXPORT BatchRest : public BatchHome {
 public:
  /// `make` makes an empty batch.
  BatchRest(BatchBase* (*make)(std::uint32_t capacity), std::uint32_t capacity) : make_{make}, capacity_{capacity} {}
  ~BatchRest() override;
  BatchRest(const BatchRest&) = delete;
  BatchRest& operator=(const BatchRest&) = delete;
  void take_back(BatchBase* batch) noexcept final;
  /// An empty batch, owned by the caller.
  [[nodiscard]] BatchBase* take_any();

 private:
  BatchBase* (*make_)(std::uint32_t capacity);
  std::uint32_t capacity_;
  BatchBase* free_ = nullptr;
};

/// Makes batches of one type and uses them again.
template <class T>
class BatchPool final : public BatchRest {
 public:
  explicit BatchPool(std::uint32_t capacity = kBatchRecordsMax) : BatchRest{&detail::make_batch<T>, capacity} {}

  /// An empty batch, owned by the caller.
  [[nodiscard]] Batch<T>* take() { return static_cast<Batch<T>*>(take_any()); }
};

}  // namespace millstream::inline v0
