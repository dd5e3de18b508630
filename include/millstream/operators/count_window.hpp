// Count windows: per key, the last `size` records, each `slide` records. Records are gathered in chunks of the greatest
// common divisor of the two; over the chunks of a key stand two stacks (one merged from its end, one from its start),
// so that a window costs one merge, whatever its size.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/operators/keyed_batch.hpp"
#include "millstream/operators/window_frame.hpp"
#include "millstream/state/state_table.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/window.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate; `kSlides`: the window is not tumbling, so accumulators are merged.
template <class K, class T, class Agg, class KeyOf, bool kSlides>
class CountWindowStage final : public WindowFrame<K, T, ResultOf<Agg>> {
  static_assert(check_aggregate<Agg, T, kSlides>());
  using Base = WindowFrame<K, T, ResultOf<Agg>>;
  using Acc = AccumulatorOf<Agg>;

 public:
  CountWindowStage(KeyOf key_of, Agg agg, CountWindow window, std::uint32_t fill)
      : Base{WindowOptions{}, fill, false, nullptr},
        key_of_{std::move(key_of)},
        agg_{std::move(agg)},
        chunk_{std::gcd(window.size(), window.slide())},
        size_chunks_{window.size() / chunk_},
        slide_chunks_{window.slide() / chunk_} {
    MILLSTREAM_ASSERT(kSlides || window.is_tumbling());
  }

  void open() override {
    Base::open();
    memory_ = MemoryReservation{this->context().memory};
    if (this->context().barriers != nullptr) table_.track_changes();
  }

 private:
  // A run of records.
  struct Part {
    Acc acc{};
    std::uint64_t count = 0;
    Timestamp least = kTimestampMax;
    Timestamp greatest = kTimestampMin;
    using FixedFields = void;
    BOOST_DESCRIBE_CLASS(Part, (), (acc, count, least, greatest), (), ())
  };
  struct KeyState {
    Part open;                // the chunk that is being filled
    std::vector<Part> front;  // older chunks; each merged with all younger ones of the front, the oldest last
    std::vector<Part> back;   // younger chunks as they came
    Part back_total;
    std::uint64_t since = 0;  // whole chunks since the last window
    std::int64_t windows = 0;
    using FixedFields = void;
    BOOST_DESCRIBE_CLASS(KeyState, (), (open, front, back, back_total, since, windows), (), ())
  };
  using Table = StateTable<K, KeyState>;

  [[nodiscard]] Part no_records() const { return Part{agg_.create()}; }

  void begin(Batch<T>& batch) override {
    keys_.resolve(table_, batch, key_of_, [this](std::size_t) { return KeyState{no_records(), {}, {}, no_records()}; });
    memory_.resize(table_.memory_bytes());
  }
  bool timed(const Batch<T>& batch) const override { return batch.times.present(); }

  std::uint32_t add(Batch<T>& batch, std::uint32_t from, std::uint32_t to) override {
    return this->add_each(batch, from, to, [&](std::uint32_t i) {
      auto& entry = table_.entry(keys_[i]);
      KeyState& key = entry.value;
      const Timestamp time = this->time_of(batch, i);
      add_record(agg_, key.open.acc, std::as_const(batch.values()[i]), time);
      key.open.least = std::min(key.open.least, time);
      key.open.greatest = std::max(key.open.greatest, time);
      if (++key.open.count < chunk_) return;
      if constexpr (kSlides) {
        merge(key.back_total, key.open);
        key.back.push_back(std::exchange(key.open, no_records()));
        if (key.front.size() + key.back.size() > size_chunks_) drop_oldest(key);
        if (++key.since == slide_chunks_) give_out(entry.key, key, total_of(key), PaneTiming::on_time);
      } else {
        give_out(entry.key, key, std::exchange(key.open, no_records()), PaneTiming::on_time);
      }
    });
  }
  void merge(Part& part, const Part& later) const {
    agg_.merge(part.acc, later.acc);
    part.count += later.count;
    part.least = std::min(part.least, later.least);
    part.greatest = std::max(part.greatest, later.greatest);
  }
  void drop_oldest(KeyState& key) const {
    if (key.front.empty()) {
      while (!key.back.empty()) {
        Part part = std::move(key.back.back());
        key.back.pop_back();
        if (!key.front.empty()) merge(part, key.front.back());
        key.front.push_back(std::move(part));
      }
      key.back_total = no_records();
    }
    key.front.pop_back();
  }
  [[nodiscard]] Part total_of(const KeyState& key) const {
    if (key.front.empty()) return key.back_total;
    Part total = key.front.back();
    if (!key.back.empty()) merge(total, key.back_total);
    return total;
  }
  void give_out(const K& k, KeyState& key, const Part& part, PaneTiming timing) {
    key.since = 0;
    this->emit(part.greatest, {k, agg_.result(part.acc), part.least, saturating_add(part.greatest, Duration{1}),
                               key.windows++, timing});
  }

  // The watermark says nothing to these windows, except that there is no more to come.
  bool fire_due() override {
    if (this->horizon() != kTimestampMax) return true;
    for (; cursor_ < table_.end_number(); ++cursor_) {
      if (this->stop()) return false;
      auto& [k, key] = table_.entry(cursor_);
      if (key.open.count == 0 && key.since == 0) continue;
      table_.touch(cursor_);
      if constexpr (kSlides) {
        // The next window lacks this many chunks, the open one among them; what it holds is at the end.
        const std::uint64_t missing = slide_chunks_ - key.since;
        while (key.front.size() + key.back.size() > size_chunks_ - missing) drop_oldest(key);
        Part total = total_of(key);
        if (key.open.count > 0) merge(total, key.open);
        key.open = no_records();
        give_out(k, key, total, PaneTiming::early);
      } else {
        give_out(k, key, std::exchange(key.open, no_records()), PaneTiming::early);
      }
    }
    cursor_ = 0;
    return true;
  }
  bool sweep() override { return true; }

  StateDeclaration window_state() const override {
    return declare_entries("counts", schema_of<K>(), schema_of<KeyState>());
  }
  void save_windows(Snapshot& to) override { save_table(table_, kWindowState, {}, to); }
  bool restore_window(const StateEntry& entry) override {
    const auto restored = restore_to_table(table_, entry.key_group, entry.key, entry.value);
    if (!restored) return false;
    const KeyState& key = table_.entry(restored->number).value;
    const std::size_t chunks = key.front.size() + key.back.size();
    return key.open.count < chunk_ && key.since < slide_chunks_ && chunks <= (kSlides ? size_chunks_ : 0) &&
           key.windows >= 0;
  }
  OpenWindows windows_restored() override {
    memory_.resize(table_.memory_bytes());
    return {};  // no clock ends them
  }

  KeyOf key_of_;
  Agg agg_;
  std::uint64_t chunk_;
  std::uint64_t size_chunks_;
  std::uint64_t slide_chunks_;
  Table table_;
  KeyedBatch keys_;
  std::uint32_t cursor_ = 0;
  MemoryReservation memory_;
};

}  // namespace millstream::inline v0
