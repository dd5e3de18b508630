// Windows in time that give out more than one result each (early triggers, discarding), windows by the wall clock, and
// the global window: one accumulator for each window and key. (Tumbling and sliding windows that fire on the watermark
// alone share slices: slice_window.hpp.)
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/operators/window_frame.hpp"
#include "millstream/state/state_table.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/slice_grid.hpp"
#include "millstream/window/window_pane.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate. Without a grid there is one window for all time.
template <class K, class T, class Agg, class KeyOf>
class TriggeredWindowStage final : public WindowFrame<K, T, ResultOf<Agg>> {
  static_assert(check_aggregate<Agg, T>());
  using Base = WindowFrame<K, T, ResultOf<Agg>>;
  using Acc = AccumulatorOf<Agg>;
  using Table = StateTable<K, WindowPane<Acc>>;

 public:
  TriggeredWindowStage(KeyOf key_of, Agg agg, std::optional<SliceGrid> grid, WindowOptions options, std::uint32_t fill,
                       bool by_clock = false, std::shared_ptr<Silence> silence = nullptr)
      : Base{std::move(options), fill, by_clock, std::move(silence)},
        key_of_{std::move(key_of)},
        agg_{std::move(agg)},
        grid_{std::move(grid)} {}

  void open() override {
    Base::open();
    memory_ = MemoryReservation{this->context().memory};
  }

 private:
  struct Window {
    WindowTime time;
    std::unique_ptr<Table> table;
    bool closed = false;  // has fired as complete
  };

  void begin(Batch<T>& batch) override {
    MILLSTREAM_ASSERT(batch.empty() || batch.hashes.present());
    memory_.resize(memory_bytes());
  }
  bool timed(const Batch<T>& batch) const override {
    return batch.times.present() || (grid_.has_value() && !this->by_clock());
  }

  std::uint32_t add(Batch<T>& batch, std::uint32_t from, std::uint32_t to) override {
    find_windows_ = true;  // the watermark has moved, or the clock
    const bool some_further = this->some_further();
    return this->add_each(batch, from, to, [&](std::uint32_t i) {
      const Timestamp time = this->time_of(batch, i);
      if (find_windows_ || time < slice_.start || time >= slice_.end) find_windows(time);
      if (windows_of_slice_.empty()) {
        this->drop_late(batch, i, time);
        return;
      }
      const T& record = batch.values()[i];
      const std::uint64_t hash = batch.hashes.data()[i];
      bool taken = !some_further;
      for (Window* window : windows_of_slice_) {
        if (some_further && this->too_late(window->time.end, hash)) continue;
        add_to(*window, record, hash, time);
        taken = true;
      }
      taken ? this->note_taken(time) : this->drop_late(batch, i, time);
    });
  }
  // The windows that take records of this instant, here and now.
  void find_windows(Timestamp time) {
    find_windows_ = false;
    windows_of_slice_.clear();
    if (!grid_) {
      slice_ = {0, kTimestampMin, kTimestampMax};
      take_window(0, {kTimestampMin, kTimestampMax});
      return;
    }
    slice_ = grid_->slice_of(time);
    const std::int64_t last = grid_->last_window_of(slice_.index);
    for (std::int64_t w = grid_->first_window_of(slice_.index); w <= last; ++w) take_window(w, grid_->window(w));
  }
  void take_window(std::int64_t number, const WindowTime& time) {
    if (this->too_late(time.end)) return;
    Window& window = windows_[number];
    if (!window.table) open_window(window, time, time.end <= this->horizon());
    windows_of_slice_.push_back(&window);
  }
  void open_window(Window& window, const WindowTime& time, bool closed) {
    window.time = time;
    window.table = spare_.empty() ? std::make_unique<Table>() : std::move(spare_.back());
    if (!spare_.empty()) spare_.pop_back();
    if (this->context().barriers != nullptr) window.table->track_changes();
    window.closed = closed;
  }
  void add_to(Window& window, const T& record, std::uint64_t hash, Timestamp time) {
    Table& table = *window.table;
    const std::uint32_t number =
        table.find_or_insert(std::invoke(key_of_, record), hash, [this] { return WindowPane<Acc>{agg_.create()}; });
    auto& entry = table.entry(number);
    WindowPane<Acc>& pane = entry.value;
    add_record(agg_, pane.acc, record, time);
    pane.latest = std::max(pane.latest, time);
    ++pane.fresh;
    const std::uint64_t early = this->options().trigger.early_records();
    if (window.closed || window.time.end <= this->horizon(hash)) {
      give_out(window, entry, PaneTiming::late);
    } else if (early > 0 && pane.fresh >= early) {
      give_out(window, entry, PaneTiming::early);
    }
  }
  void give_out(const Window& window, typename Table::Entry& entry, PaneTiming timing) {
    WindowPane<Acc>& pane = entry.value;
    const Timestamp time = grid_ ? saturating_sub(window.time.end, Duration{1}) : pane.latest;
    this->emit(time, {entry.key, agg_.result(std::as_const(pane.acc)), window.time.start, window.time.end, pane.fired,
                      timing});
    ++pane.fired;
    pane.fresh = 0;
    if (this->options().discarding) pane.acc = agg_.create();
  }

  bool fire_due() override {
    for (auto it = windows_.upper_bound(closed_until_); it != windows_.end(); ++it) {
      Window& window = it->second;
      if (window.time.end > this->horizon()) break;
      if (!window.closed && !give_out_all(window, PaneTiming::on_time)) return false;
      window.closed = true;
      closed_until_ = it->first;
    }
    forget_expired();
    find_windows_ = true;
    return true;
  }
  bool sweep() override {
    for (auto it = windows_.lower_bound(swept_until_); it != windows_.end(); ++it) {
      Window& window = it->second;
      swept_until_ = it->first;
      if (window.closed || !this->early_for(window.time.end)) continue;
      if (!give_out_all(window, PaneTiming::early)) return false;
    }
    swept_until_ = kFirst;
    return true;
  }
  // By the cursor; false when the step is over.
  bool give_out_all(Window& window, PaneTiming timing) {
    // A window that is complete says so once more for every key; a discarding one has nothing to say without news.
    const bool all = timing == PaneTiming::on_time && !this->options().discarding;
    Table& table = *window.table;
    while (cursor_ < table.end_number()) {
      auto& entry = table.entry(cursor_);
      // A key whose only records threw has had nothing to say.
      bool gives = (all && entry.value.fired > 0) || entry.value.fresh > 0;
      if (gives && this->some_further()) [[unlikely]] {
        gives = timing == PaneTiming::early ? this->early_for(window.time.end, entry.key)
                                            : !this->has_fired(entry.key, window.time.end);
      }
      // That the window has closed is in each of its entries.
      if (gives || timing == PaneTiming::on_time) table.touch(cursor_);
      ++cursor_;
      if (gives) give_out(window, entry, timing);
      if (this->stop()) return false;
    }
    cursor_ = 0;
    return true;
  }
  Timestamp last_end_of(const Batch<T>& batch) const override {
    if (!grid_) return kTimestampMin;
    const Timestamp last = *std::max_element(batch.times.data(), batch.times.data() + batch.size());
    return grid_->window(grid_->last_window_of(grid_->slice_of(last).index)).end;
  }
  Timestamp next_end() const override {
    const auto it = windows_.upper_bound(closed_until_);
    return it == windows_.end() ? kTimestampMax : it->second.time.end;
  }
  // The end of time is no window of the clock's.
  Timestamp last_end_at(Timestamp time) const override {
    if (!grid_ || time == kTimestampMin) return kTimestampMin;
    return grid_->window(grid_->last_window_before(grid_->slice_of(time).index)).end;
  }

  StateDeclaration window_state() const override {
    return declare_entries("panes", numbered_key(schema_of<K>()),
                           fixed_struct({{"closed", schema_of<bool>()}, {"pane", schema_of<WindowPane<Acc>>()}}));
  }
  // The key is that of the table behind the window's number; the value says first whether the window has closed.
  void save_windows(Snapshot& to) override {
    gone_.save(kWindowState, to);
    std::string prefix;
    for (auto& [number, window] : windows_) {
      prefix.clear();
      append_ordered(number, prefix);
      const bool closed = window.closed;
      save_table(*window.table, kWindowState, prefix, to, [closed](const WindowPane<Acc>& pane, ByteWriter& out) {
        Codec<bool>::encode(closed, out);
        Codec<WindowPane<Acc>>::encode(pane, out);
        return true;
      });
    }
  }
  bool restore_window(const StateEntry& entry) override {
    std::string_view key = entry.key;
    ByteReader value{entry.value};
    std::int64_t number = 0;
    bool closed = false;
    if (!take_ordered(key, number) || !Codec<bool>::decode(value, closed) || (!grid_ && number != 0)) return false;
    Window& window = windows_[number];
    if (!window.table) {
      open_window(window, grid_ ? grid_->window(number) : WindowTime{kTimestampMin, kTimestampMax}, true);
    }
    // Where it has fired for some keys and not yet for others it is still to fire, for the others.
    window.closed = window.closed && closed;
    const auto restored = restore_to_table(*window.table, entry.key_group, key, entry.value.substr(1));
    return restored && window.table->entry(restored->number).value.fired >= 0;
  }
  OpenWindows windows_restored() override {
    memory_.resize(memory_bytes());
    OpenWindows open;
    for (auto& [number, window] : windows_) {
      // Of another instance, which was further: it may get further keys.
      window.closed = window.closed && window.time.end <= this->horizon();
      if (window.closed) continue;
      const Table& table = *window.table;
      table.for_each(
          [&](std::uint32_t n) { open.add(table.entry(n).value.fresh > 0, grid_ ? window.time.end : kTimestampMin); });
    }
    return open;
  }

  // Those of which a checkpoint has yet to be told stay until then.
  void forget_expired() {
    for (auto it = windows_.begin(); it != windows_.end() && it->second.closed && this->expired(it->second.time.end);) {
      if (it->second.table->saving()) {
        ++it;
        continue;
      }
      gone_.add(it->first, *it->second.table);
      forgotten_.push_back(std::move(it->second.table));
      it = windows_.erase(it);
      find_windows_ = true;
    }
  }
  bool tidy() override {
    forget_expired();
    if (forgotten_.empty()) return false;
    if (!forgotten_.back()->clear_some()) return true;
    if (spare_.size() < kSpareTables) spare_.push_back(std::move(forgotten_.back()));
    forgotten_.pop_back();
    return true;
  }
  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = 0;
    for (const auto& [number, window] : windows_) bytes += window.table->memory_bytes();
    for (const auto& table : forgotten_) bytes += table->memory_bytes();
    for (const auto& table : spare_) bytes += table->memory_bytes();
    return bytes;
  }

  static constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  static constexpr std::size_t kSpareTables = 4;  // as many windows open and close in turn without an allocation

  KeyOf key_of_;
  Agg agg_;
  std::optional<SliceGrid> grid_;
  std::map<std::int64_t, Window> windows_;  // by number, so by end
  GoneNumbers gone_;
  std::vector<std::unique_ptr<Table>> forgotten_;
  std::vector<std::unique_ptr<Table>> spare_;
  Slice slice_{};
  std::vector<Window*> windows_of_slice_;
  bool find_windows_ = true;
  std::int64_t closed_until_ = kFirst;  // every window up to this one has ended
  std::int64_t swept_until_ = kFirst;
  std::uint32_t cursor_ = 0;
  MemoryReservation memory_;
};

}  // namespace millstream::inline v0
