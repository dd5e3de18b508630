// ValueState: one value for each key.
//   ms::ValueState<bool> seen;
//   void open(ms::OperatorContext& c) { seen = c.value_state<bool>("seen", {.ttl = 1h}); }
//   void process(const Click& click, ms::Collector<Click>& out) { if (!seen.exchange(true)) out.emit(click); }
#pragma once

#include <utility>

#include "millstream/state/keyed_state.hpp"

namespace millstream::inline v0 {

/// A handle, made by OperatorContext::value_state in open(); all members are about the current key. Used outside of
/// process and on_timer, or without having been made, they throw std::logic_error, which the stage handles as it
/// handles every exception of the operator.
template <class V>
class ValueState {
 public:
  ValueState() = default;
  explicit ValueState(KeyedState<V>& state) : state_{&state} {}

  /// The value, or null if there is none; valid until the state is changed or the call of the operator ends.
  [[nodiscard]] const V* get() const { return state().find(); }
  [[nodiscard]] bool exists() const { return get() != nullptr; }
  [[nodiscard]] V value_or(V fallback) const {
    const V* value = get();
    return value != nullptr ? *value : std::move(fallback);
  }
  void set(V value) { state().write() = std::move(value); }
  /// Sets the value and returns the one before, or V{} if there was none.
  V exchange(V value) { return std::exchange(state().write(), std::move(value)); }
  /// Calls f(V&) on the value, or on V{} if there is none; it becomes the value.
  template <class F>
  void update(F&& f) {
    std::forward<F>(f)(state().write());
  }
  void clear() { state().erase(); }

 private:
  [[nodiscard]] KeyedState<V>& state() const {
    if (state_ == nullptr) [[unlikely]]
      detail::unmade_handle();
    return *state_;
  }
  KeyedState<V>* state_ = nullptr;
};

}  // namespace millstream::inline v0
