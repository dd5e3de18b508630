// The timer queue: a heap of what decides the order over entries that never move, and an index from key, time and name
// to the entry. Both grow by blocks, so a million timers cost no more per call than one.
#include "millstream/state/timers.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/mutants.hpp"
#include "millstream/core/hash.hpp"
#include "millstream/state/slots.hpp"
#include "millstream/state/table_index.hpp"

namespace millstream::inline v0 {
namespace {

struct Entry {
  Timestamp time;
  std::uint64_t hash;
  std::string key;
  std::string name;
};

// All that the order needs, so that sifting touches no entry.
struct HeapItem {
  Timestamp time;
  std::uint64_t sequence;
  std::uint32_t group;
  std::uint32_t entry;

  [[nodiscard]] bool before(const HeapItem& other) const {
    if (time != other.time) return time < other.time;
    if (group != other.group) return group < other.group;
    return sequence < other.sequence;
  }
};

constexpr std::uint32_t kArity = 4;  // half the levels of a binary heap, hence half the cache misses

std::uint64_t timer_hash(std::string_view key, Timestamp time, std::string_view name) {
  const std::uint64_t parts[] = {hash_bytes(key.data(), key.size()), hash_bytes(name.data(), name.size()),
                                 static_cast<std::uint64_t>(time.time_since_epoch().count())};
  return hash_bytes(parts, sizeof parts);
}

}  // namespace

struct TimerQueue::Impl {
  Slots<Entry> entries;
  std::vector<std::uint32_t> free;
  std::uint32_t entries_end = 0;
  Slots<HeapItem> heap;
  Slots<std::uint32_t> heap_at;  // by entry number
  std::uint32_t size = 0;
  TableIndex index;
  std::uint64_t sequence = 0;

  ~Impl() {
    for (std::uint32_t i = 0; i < size; ++i) entries[heap[i].entry].~Entry();
  }

  void put(std::uint32_t at, const HeapItem& item) {
    heap[at] = item;
    heap_at[item.entry] = at;
  }
  void sift_up(std::uint32_t at, const HeapItem item) {
    while (at > 0) {
      const std::uint32_t parent = (at - 1) / kArity;
      if (!item.before(heap[parent])) break;
      put(at, heap[parent]);
      at = parent;
    }
    put(at, item);
  }
  void sift_down(std::uint32_t at, const HeapItem item) {
    for (;;) {
      const std::uint32_t first = kArity * at + 1;
      if (first >= size) break;
      std::uint32_t least = first;
      for (std::uint32_t child = first + 1; child < std::min(first + kArity, size); ++child) {
        if (heap[child].before(heap[least])) least = child;
      }
      if (!heap[least].before(item)) break;
      put(at, heap[least]);
      at = least;
    }
    put(at, item);
  }
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, std::string_view key, Timestamp time, std::string_view name) {
    return index.find(hash, [&](std::uint32_t number) {
      const Entry& entry = entries[number];
      return entry.time == time && entry.key == key && entry.name == name;
    });
  }
  /// Out of heap and index; the entry itself is still there.
  void take_out(std::uint32_t number) {
    const std::uint32_t at = heap_at[number];
    index.erase(entries[number].hash, number);
    const HeapItem last = heap[--size];
    if (at == size) return;
    if (at > 0 && last.before(heap[(at - 1) / kArity])) {
      sift_up(at, last);
    } else {
      sift_down(at, last);
    }
  }
  void release(std::uint32_t number) {
    entries[number].~Entry();
    free.push_back(number);
  }
};

TimerQueue::TimerQueue() : impl_{std::make_unique<Impl>()} {}
TimerQueue::~TimerQueue() = default;

bool TimerQueue::add(std::string_view key, std::uint32_t group, Timestamp time, std::string_view name) {
  Impl& q = *impl_;
  const std::uint64_t hash = timer_hash(key, time, name);
  if (q.find(hash, key, time, name) != TableIndex::kNone) return false;
  std::uint32_t number = q.entries_end;
  if (q.free.empty()) {
    q.entries.reserve(++q.entries_end);
    q.heap_at.reserve(q.entries_end);
  } else {
    number = q.free.back();
    q.free.pop_back();
  }
  ::new (static_cast<void*>(&q.entries[number])) Entry{time, hash, std::string{key}, std::string{name}};
  q.index.insert(hash, number);
  q.heap.reserve(q.size + std::size_t{1});
  q.sift_up(q.size++, {time, q.sequence++, group, number});
  return true;
}

bool TimerQueue::cancel(std::string_view key, Timestamp time, std::string_view name) {
  const std::uint32_t number = impl_->find(timer_hash(key, time, name), key, time, name);
  if (number == TableIndex::kNone) return false;
  impl_->take_out(number);
  impl_->release(number);
  return true;
}

bool TimerQueue::pop(Timestamp limit, Due& due) {
  if (!has_due(limit)) return false;
  const std::uint32_t number = impl_->heap[0].entry;
  due.group = impl_->heap[0].group;
  impl_->take_out(number);
  Entry& entry = impl_->entries[number];
  due.time = entry.time;
  due.key = std::move(entry.key);
  due.name = std::move(entry.name);
  impl_->release(number);
  return true;
}

bool TimerQueue::has_due(Timestamp limit) const noexcept { return impl_->size > 0 && impl_->heap[0].time <= limit; }
Timestamp TimerQueue::next() const noexcept { return impl_->size > 0 ? impl_->heap[0].time : kTimestampMax; }
std::size_t TimerQueue::size() const noexcept { return impl_->size; }
std::size_t TimerQueue::memory_bytes() const noexcept {
  return impl_->entries.bytes() + impl_->heap.bytes() + impl_->heap_at.bytes() + impl_->index.bytes();
}

void TimerQueue::save(std::uint32_t state, Snapshot& snapshot) const {
  std::vector<HeapItem> all;
  for (std::uint32_t i = 0; i < impl_->size; ++i) all.push_back(impl_->heap[i]);
  std::sort(all.begin(), all.end(), [](const HeapItem& a, const HeapItem& b) { return a.sequence < b.sequence; });
  std::string bytes;
  for (const HeapItem& item : all) {
    const Entry& entry = impl_->entries[item.entry];
    bytes.clear();
    {
      ByteWriter out{bytes};
      out.write_fixed(item.time.time_since_epoch().count());
      out.write_varint(entry.name.size());
      out.write_bytes(entry.name);
      out.write_bytes(entry.key);
    }
    snapshot.put({state, item.group, bytes, {}});
  }
}

bool TimerQueue::restore(const StateEntry& saved) {
  ByteReader in{saved.key};
  std::int64_t ticks = 0;
  std::size_t size = 0;
  std::string_view name;
  std::string_view key;
  if (!saved.value.empty() || saved.key_group >= kKeyGroups || !in.read_fixed(ticks)) return false;
  if (!in.read_count(size) || !in.read_view(size, name) || !in.read_view(in.remaining(), key)) return false;
  if (mutant_is(Mutant::kTimersForgotten)) return true;
  add(key, saved.key_group, Timestamp{Duration{ticks}}, name);
  return true;
}

void Timers::register_event_time(Timestamp t, std::string_view name) {
  KeySpaceBase& keys = service().keys;
  service_->event_time.add(keys.key_bytes(), keys.key_group(), t, name);
}
void Timers::register_processing_time(Timestamp t, std::string_view name) {
  KeySpaceBase& keys = service().keys;
  service_->processing_time.add(keys.key_bytes(), keys.key_group(), t, name);
}
void Timers::cancel_event_time(Timestamp t, std::string_view name) {
  service().event_time.cancel(service_->keys.key_bytes(), t, name);
}
void Timers::cancel_processing_time(Timestamp t, std::string_view name) {
  service().processing_time.cancel(service_->keys.key_bytes(), t, name);
}

}  // namespace millstream::inline v0
