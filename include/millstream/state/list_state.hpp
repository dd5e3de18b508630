// ListState: a list of values for each key, in the order in which they were added.
//   last = c.list_state<Reading>("last", {.ttl = 10min});   // each reading goes ten minutes after it came
#pragma once

#include <boost/describe/class.hpp>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "millstream/codec/heap_bytes.hpp"
#include "millstream/state/keyed_state.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class V>
struct ListContent {
  using Cursor = char;
  std::vector<V> values;
  std::vector<Timestamp> touched;  // of each value, never going back; empty without a time to live

  [[nodiscard]] std::size_t expired(const Aging& aging) const {
    std::size_t count = 0;
    while (count < touched.size() && aging.over(touched[count])) ++count;
    return count;
  }
  void drop(std::size_t count) {
    values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count));
    touched.erase(touched.begin(), touched.begin() + static_cast<std::ptrdiff_t>(count));
  }
  // Only when half of the list goes, so that the values behind are moved once on average.
  bool trim(const Aging& aging, Cursor&, std::uint32_t&, bool& removed) {
    removed = !touched.empty() && aging.over(touched[touched.size() / 2]);
    if (removed) drop(expired(aging));
    return true;
  }
  [[nodiscard]] bool empty() const { return values.empty(); }
  void forget_times() { touched.clear(); }
  [[nodiscard]] std::size_t heap_bytes() const {
    return v0::heap_bytes(values) + touched.capacity() * sizeof(Timestamp);
  }
};

}  // namespace detail

template <class V>
struct Codec<detail::ListContent<V>> {
  struct Layout {
    std::vector<V> values;
    std::vector<Timestamp> touched;
    using FixedFields = void;
    BOOST_DESCRIBE_CLASS(Layout, (), (values, touched), (), ())
  };
  static void encode(const detail::ListContent<V>& list, ByteWriter& out) {
    Codec<std::vector<V>>::encode(list.values, out);
    Codec<std::vector<Timestamp>>::encode(list.touched, out);
  }
  [[nodiscard]] static bool decode(ByteReader& in, detail::ListContent<V>& list) {
    // Fewer where the list was saved with a time to live, and added to without one.
    return Codec<std::vector<V>>::decode(in, list.values) && Codec<std::vector<Timestamp>>::decode(in, list.touched) &&
           list.touched.size() <= list.values.size();
  }
};

/// A handle, made by OperatorContext::list_state in open(); all members are about the current key. It throws as
/// ValueState does.
template <class V>
class ListState {
 public:
  using Content = detail::ListContent<V>;
  ListState() = default;
  explicit ListState(KeyedState<Content>& state) : state_{&state} {}

  /// The values; valid until the list is changed or the call of the operator ends.
  [[nodiscard]] const std::vector<V>& get() const {
    static const std::vector<V> none;
    Content* list = state().find();
    if (list == nullptr) return none;
    const Aging& aging = state_->aging();
    if (aging.on()) {
      const std::size_t expired = list->expired(aging);
      if (list->touched.size() < list->values.size() || expired > 0) state_->touch();
      age_all(*list);  // state that was saved without a time to live has none
      if (expired > 0) list->drop(expired);
      if (aging.on_read()) list->touched.assign(list->values.size(), aging.now());
    }
    return list->values;
  }
  [[nodiscard]] std::size_t size() const { return get().size(); }
  [[nodiscard]] bool empty() const { return get().empty(); }
  void add(V value) {
    Content& list = state().write();
    list.values.push_back(std::move(value));
    note(list);
  }
  void add_all(std::span<const V> values) {
    for (const V& value : values) add(value);
  }
  /// Replaces the list.
  void set(std::vector<V> values) {
    if (values.empty()) return clear();
    Content& list = state().write();
    list.values = std::move(values);
    list.touched.clear();
    note(list);
  }
  void clear() { state().erase(); }

 private:
  [[nodiscard]] KeyedState<Content>& state() const {
    if (state_ == nullptr) [[unlikely]]
      detail::unmade_handle();
    return *state_;
  }
  void note(Content& list) const {
    if (!state_->aging().on()) return list.forget_times();
    age_all(list);
    state_->note_addition();
  }
  void age_all(Content& list) const {
    // A wall clock that was set back must not put a young value behind an old one.
    Timestamp now = state_->aging().now();
    if (!list.touched.empty() && list.touched.back() > now) now = list.touched.back();
    list.touched.resize(list.values.size(), now);
  }
  KeyedState<Content>* state_ = nullptr;
};

}  // namespace millstream::inline v0
