// The timer queue: a heap of what decides the order over entries that never move, and an index from key, time and name
// to the entry. Both grow by blocks, so a million timers cost no more per call than one.
#include "millstream/state/timers.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/mutants.hpp"
#include "millstream/core/hash.hpp"
#include "millstream/state/entry_changes.hpp"
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

// The key of a timer as an entry of saved state.
void append_timer(const Entry& entry, std::string& bytes) {
  ByteWriter out{bytes};
  out.write_fixed(entry.time.time_since_epoch().count());
  out.write_varint(entry.name.size());
  out.write_bytes(entry.name);
  out.write_bytes(entry.key);
}

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
  std::uint64_t sequence = 0;           // of the next one
  std::optional<EntryChanges> changes;  // by entry number

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
  /// False if there is one already.
  bool add(std::string_view key, std::uint32_t group, Timestamp time, std::string_view name, std::uint64_t place) {
    const std::uint64_t hash = timer_hash(key, time, name);
    if (find(hash, key, time, name) != TableIndex::kNone) return false;
    std::uint32_t number = entries_end;
    if (free.empty()) {
      entries.reserve(++entries_end);
      heap_at.reserve(entries_end);
      if (changes) changes->reserve(entries_end);
    } else {
      number = free.back();
      free.pop_back();
    }
    ::new (static_cast<void*>(&entries[number])) Entry{time, hash, std::string{key}, std::string{name}};
    if (changes) changes->touch(number);
    index.insert(hash, number);
    heap.reserve(size + std::size_t{1});
    sift_up(size++, {time, place, group, number});
    sequence = std::max(sequence, place + 1);
    return true;
  }
  /// Out of heap and index; the entry itself is still there.
  void take_out(std::uint32_t number) {
    const std::uint32_t at = heap_at[number];
    if (changes) {
      changes->erase(number, heap[at].group, [&](std::string& bytes) { append_timer(entries[number], bytes); });
    }
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

class TimerQueue::TimerSaver final : public EntrySaver {
 public:
  TimerSaver(const Impl& queue, std::uint32_t state, Snapshot& to) : queue_{queue}, state_{state}, to_{to} {}
  bool give(std::uint32_t number, bool) override {
    const HeapItem& item = queue_.heap[queue_.heap_at[number]];
    key_.clear();
    append_timer(queue_.entries[number], key_);
    value_.clear();
    ByteWriter{value_}.write_varint(item.sequence);
    to_.put({state_, item.group, key_, value_});
    return true;
  }
  void remove(std::uint32_t key_group, std::string_view key) override { to_.remove(state_, key_group, key); }

 private:
  const Impl& queue_;
  std::uint32_t state_;
  Snapshot& to_;
  std::string key_;
  std::string value_;
};

TimerQueue::TimerQueue() : impl_{std::make_unique<Impl>()} {}
TimerQueue::~TimerQueue() = default;

void TimerQueue::track_changes() { impl_->changes.emplace(); }

bool TimerQueue::add(std::string_view key, std::uint32_t group, Timestamp time, std::string_view name) {
  return impl_->add(key, group, time, name, impl_->sequence);
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

// The first of those whose parents have been given comes next.
void TimerQueue::due_keys(Timestamp limit, std::size_t count, std::vector<std::string_view>& keys) const {
  const Impl& q = *impl_;
  keys.clear();
  std::vector<std::uint32_t> next;
  const auto behind = [&](std::uint32_t a, std::uint32_t b) { return q.heap[b].before(q.heap[a]); };
  const auto add = [&](std::uint32_t at) {
    if (at >= q.size || q.heap[at].time > limit) return;
    next.push_back(at);
    std::push_heap(next.begin(), next.end(), behind);
  };
  add(0);
  while (!next.empty() && keys.size() < count) {
    std::pop_heap(next.begin(), next.end(), behind);
    const std::uint32_t at = next.back();
    next.pop_back();
    keys.push_back(q.entries[q.heap[at].entry].key);
    for (std::uint32_t child = 1; child <= kArity; ++child) add(kArity * at + child);
  }
}

Timestamp TimerQueue::next() const noexcept { return impl_->size > 0 ? impl_->heap[0].time : kTimestampMax; }
std::size_t TimerQueue::size() const noexcept { return impl_->size; }
std::size_t TimerQueue::memory_bytes() const noexcept {
  return impl_->entries.bytes() + impl_->heap.bytes() + impl_->heap_at.bytes() + impl_->index.bytes() +
         (impl_->changes ? impl_->changes->bytes() : 0);
}

void TimerQueue::save(std::uint32_t state, Snapshot& snapshot) {
  Impl& q = *impl_;
  auto saver = std::make_unique<TimerSaver>(q, state, snapshot);
  if (!q.changes) {
    for (std::uint32_t i = 0; i < q.size; ++i) saver->give(q.heap[i].entry, false);
    return;
  }
  q.changes->begin_save(snapshot.whole(), std::move(saver));
  snapshot.later(*q.changes);
}

bool TimerQueue::restore(const StateEntry& saved) {
  ByteReader in{saved.key};
  std::int64_t ticks = 0;
  std::size_t size = 0;
  std::string_view name;
  std::string_view key;
  if (saved.key_group >= kKeyGroups || !in.read_fixed(ticks)) return false;
  if (!in.read_count(size) || !in.read_view(size, name) || !in.read_view(in.remaining(), key)) return false;
  if (mutant_is(Mutant::kTimersForgotten)) return true;
  // Without a place they come in the order of registration.
  std::uint64_t place = impl_->sequence;
  ByteReader value{saved.value};
  if (!saved.value.empty() && (!value.read_varint(place) || value.remaining() != 0)) return false;
  // Of the places that several shards gave only those of one key group are compared, and one shard gave these.
  return impl_->add(key, saved.key_group, Timestamp{Duration{ticks}}, name, place);
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
