// MapState: a map for each key, ordered by its own keys, so that walking it is the same on every run.
//   open_carts = c.map_state<std::string, Cart>("carts", {.ttl = 24h});   // each cart goes a day after its last change
#pragma once

#include <boost/describe/class.hpp>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "millstream/codec/heap_bytes.hpp"
#include "millstream/state/keyed_state.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class MK, class MV>
struct MapContent {
  struct Slot {
    MV value{};
    Timestamp touched = kTimestampMin;
    using FixedFields = void;
    BOOST_DESCRIBE_CLASS(Slot, (), (value, touched), (), ())
  };
  using Cursor = std::optional<MK>;  // the first map key not yet looked at
  std::map<MK, Slot> slots;

  bool trim(const Aging& aging, Cursor& cursor, std::uint32_t& budget, bool& removed) {
    auto at = cursor ? slots.lower_bound(*cursor) : slots.begin();
    for (; at != slots.end(); --budget) {
      if (budget == 0) {
        cursor = at->first;
        return false;
      }
      const bool over = aging.over(at->second.touched);
      removed = removed || over;
      at = over ? slots.erase(at) : std::next(at);
    }
    cursor.reset();
    return true;
  }
  [[nodiscard]] bool empty() const { return slots.empty(); }
  [[nodiscard]] std::size_t heap_bytes() const {
    std::size_t sum = slots.size() * (sizeof(typename std::map<MK, Slot>::value_type) + kNodeBytes);
    if constexpr (kOwnsHeap<MK> || kOwnsHeap<MV>) {
      for (const auto& [key, slot] : slots) sum += v0::heap_bytes(key) + v0::heap_bytes(slot.value);
    }
    return sum;
  }
};

}  // namespace detail

template <class MK, class MV>
struct Codec<detail::MapContent<MK, MV>> {
  using Layout = std::map<MK, typename detail::MapContent<MK, MV>::Slot>;
  static void encode(const detail::MapContent<MK, MV>& map, ByteWriter& out) {
    out.write_varint(map.slots.size());
    for (const auto& [key, slot] : map.slots) {
      Codec<MK>::encode(key, out);
      Codec<MV>::encode(slot.value, out);
      Codec<Timestamp>::encode(slot.touched, out);
    }
  }
  [[nodiscard]] static bool decode(ByteReader& in, detail::MapContent<MK, MV>& map) {
    std::size_t count = 0;
    map.slots.clear();
    if (!in.read_count(count)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      MK key{};
      if (!Codec<MK>::decode(in, key)) return false;
      auto& slot = map.slots[std::move(key)];
      if (!Codec<MV>::decode(in, slot.value) || !Codec<Timestamp>::decode(in, slot.touched)) return false;
    }
    return map.slots.size() == count;
  }
};

/// A handle, made by OperatorContext::map_state in open(); all members are about the map of the current key. It throws
/// as ValueState does.
template <class MK, class MV>
class MapState {
 public:
  using Content = detail::MapContent<MK, MV>;
  MapState() = default;
  explicit MapState(KeyedState<Content>& state) : state_{&state} {}

  /// The value under `key`, or null; valid until the map is changed or the call of the operator ends.
  [[nodiscard]] const MV* get(const MK& key) const {
    Content* map = state().find();
    if (map == nullptr) return nullptr;
    const auto at = map->slots.find(key);
    if (at == map->slots.end() || state_->aging().over(at->second.touched)) return nullptr;
    if (state_->aging().on_read()) at->second.touched = state_->aging().now();
    return &at->second.value;
  }
  [[nodiscard]] bool contains(const MK& key) const { return get(key) != nullptr; }
  [[nodiscard]] MV value_or(const MK& key, MV fallback) const {
    const MV* value = get(key);
    return value != nullptr ? *value : std::move(fallback);
  }
  void put(const MK& key, MV value) { slot(key).value = std::move(value); }
  /// Calls f(MV&) on the value under `key`, or on MV{} if there is none; it becomes the value.
  template <class F>
  void update(const MK& key, F&& f) {
    std::forward<F>(f)(slot(key).value);
  }
  void erase(const MK& key) {
    Content* map = state().find();
    if (map == nullptr || !map->slots.contains(key)) return;
    state_->touch();
    map->slots.erase(key);
    if (map->slots.empty()) state_->erase();
  }
  /// Calls f(const MK&, const MV&) for each, in ascending order of the map keys. f must not change this map.
  template <class F>
  void for_each(F&& f) const {
    Content* map = state().find();
    if (map == nullptr) return;
    const Aging& aging = state_->aging();
    for (auto& [key, slot] : map->slots) {
      if (aging.over(slot.touched)) continue;
      if (aging.on_read()) slot.touched = aging.now();
      f(key, std::as_const(slot.value));
    }
  }
  /// Counts, where the state has a time to live.
  [[nodiscard]] std::size_t size() const {
    const Content* map = state().find();
    if (map == nullptr) return 0;
    if (!state_->aging().on()) return map->slots.size();
    std::size_t count = 0;
    for (const auto& [key, slot] : map->slots) count += state_->aging().over(slot.touched) ? 0 : 1;
    return count;
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
  void clear() { state().erase(); }

 private:
  [[nodiscard]] KeyedState<Content>& state() const {
    if (state_ == nullptr) [[unlikely]]
      detail::unmade_handle();
    return *state_;
  }
  [[nodiscard]] typename Content::Slot& slot(const MK& key) {
    Content& map = state().write();
    const auto [at, added] = map.slots.try_emplace(key);
    if (added) {
      state_->note_addition();
    } else if (state_->aging().over(at->second.touched)) {
      at->second.value = MV{};
    }
    at->second.touched = state_->aging().now();
    return at->second;
  }
  KeyedState<Content>* state_ = nullptr;
};

}  // namespace millstream::inline v0
