#include "state/raw_rocks.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "state/cold/rocks_settings.hpp"

namespace state {
namespace {

constexpr std::size_t kBatch = 1024;  // as the job's
constexpr std::size_t kMemtableBytesMin = std::size_t{1} << 20;
constexpr std::size_t kMemtableBytesMax = std::size_t{64} << 20;  // RocksDB's default

struct Sums {
  std::int64_t count = 0;
  std::int64_t sum = 0;
};

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error{"RocksDB: " + status.ToString()};
}

class Key {
 public:
  Key() = default;
  explicit Key(std::uint64_t number) {
    // Sorted bytes, as the library's store has them.
    const std::uint64_t big = __builtin_bswap64(number);
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(bytes_.data(), &big, sizeof big);
  }
  [[nodiscard]] rocksdb::Slice slice() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, sizeof(std::uint64_t)> bytes_{};
};
rocksdb::Slice slice(const Sums& sums) { return {reinterpret_cast<const char*>(&sums), sizeof sums}; }

Sums sums_of(const rocksdb::Slice& value) {
  if (value.size() != sizeof(Sums)) throw std::runtime_error{"RocksDB gives a value that nobody has put"};
  Sums sums;
  std::memcpy(&sums, value.data(), sizeof sums);
  return sums;
}

class Loop {
 public:
  Loop(rocksdb::DB& db, cost::Digest& digest) : db_{db}, digest_{digest} { write_.disableWAL = true; }

  void load(const KeyedInput& input) {
    for (std::uint64_t n = 0; n < input.first();) {
      rocksdb::WriteBatch batch;
      for (std::size_t i = 0; i < kBatch && n < input.first(); ++i, ++n) {
        const Reading reading = input(n);
        check(batch.Put(Key{reading.key}.slice(), slice(Sums{1, reading.value})));
      }
      check(db_.Write(write_, &batch));
    }
  }
  void one(const Reading& reading) {
    const Key key{reading.key};
    rocksdb::PinnableSlice value;
    check(db_.Get({}, db_.DefaultColumnFamily(), key.slice(), &value));
    Sums sums = sums_of(value);
    add(sums, reading);
    check(db_.Put(write_, key.slice(), slice(sums)));
  }
  // Each key once, in order, which MultiGet likes best; the records of a key one after another.
  void many(const KeyedInput& input, std::uint64_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) readings_[i] = input(first + i);
    std::iota(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count), 0U);
    std::stable_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count),
                     [this](std::uint32_t a, std::uint32_t b) { return readings_[a].key < readings_[b].key; });
    std::size_t unique = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t key = readings_[order_[i]].key;
      if (unique > 0 && readings_[order_[starts_[unique - 1]]].key == key) continue;
      keys_[unique] = Key{key};
      slices_[unique] = keys_[unique].slice();
      starts_[unique++] = static_cast<std::uint32_t>(i);
    }
    db_.MultiGet({}, db_.DefaultColumnFamily(), unique, slices_.data(), values_.data(), statuses_.data(),
                 /*sorted_input=*/true);
    rocksdb::WriteBatch batch;
    for (std::size_t at = 0; at < unique; ++at) {
      check(statuses_[at]);
      Sums sums = sums_of(values_[at]);
      values_[at].Reset();
      const std::size_t end = at + 1 < unique ? starts_[at + 1] : count;
      for (std::size_t i = starts_[at]; i < end; ++i) add(sums, readings_[order_[i]]);
      check(batch.Put(slices_[at], slice(sums)));
    }
    check(db_.Write(write_, &batch));
  }

 private:
  void add(Sums& sums, const Reading& reading) {
    ++sums.count;
    sums.sum += reading.value;
    digest_.fold(reading.key, static_cast<std::uint64_t>(sums.count), static_cast<std::uint64_t>(sums.sum));
  }

  rocksdb::DB& db_;
  cost::Digest& digest_;
  rocksdb::WriteOptions write_;
  std::array<Reading, kBatch> readings_;
  std::array<std::uint32_t, kBatch> order_;
  std::array<std::uint32_t, kBatch> starts_;  // where the records of a key begin in the order
  std::array<Key, kBatch> keys_;
  std::array<rocksdb::Slice, kBatch> slices_;
  std::array<rocksdb::PinnableSlice, kBatch> values_;
  std::array<rocksdb::Status, kBatch> statuses_;
};

}  // namespace

cost::Outcome run_raw(const RawRocks& raw, const KeyedInput& input, std::uint64_t records) {
  std::filesystem::remove_all(raw.folder);
  std::filesystem::create_directories(raw.folder);
  millstream::RocksSettings settings =
      millstream::rocks_settings({.folder = raw.folder, .cache_bytes = raw.cache_bytes});
  settings.column.write_buffer_size = std::clamp(raw.cache_bytes / 8, kMemtableBytesMin, kMemtableBytesMax);
  // A block for which there is no room is read all the same.
  settings.cache->SetStrictCapacityLimit(false);
  // The library's own way of holding a writer up is its ColdStore::room(); here it is RocksDB's, by its defaults.
  const rocksdb::ColumnFamilyOptions defaults;
  settings.column.level0_slowdown_writes_trigger = defaults.level0_slowdown_writes_trigger;
  settings.column.level0_stop_writes_trigger = defaults.level0_stop_writes_trigger;
  settings.column.soft_pending_compaction_bytes_limit = defaults.soft_pending_compaction_bytes_limit;
  settings.column.hard_pending_compaction_bytes_limit = defaults.hard_pending_compaction_bytes_limit;
  rocksdb::DB* opened = nullptr;
  check(rocksdb::DB::Open(rocksdb::Options{settings.db, settings.column}, raw.folder, &opened));
  const std::unique_ptr<rocksdb::DB> db{opened};
  cost::Digest digest;
  const auto loop = std::make_unique<Loop>(*db, digest);
  loop->load(input);
  const cost::Stopwatch watch;
  const std::uint64_t end = input.first() + records;
  for (std::uint64_t n = input.first(); n < end;) {
    if (raw.batched) {
      const std::size_t count = std::min<std::uint64_t>(kBatch, end - n);
      loop->many(input, n, count);
      n += count;
    } else {
      loop->one(input(n++));
    }
  }
  const cost::Outcome outcome = watch.stop(digest);
  check(db->Close());
  std::filesystem::remove_all(raw.folder);
  return outcome;
}

}  // namespace state
