// AggregatingState: a running aggregate for each key. It knows what goes in and what comes out, not by which aggregate,
// so that it can be a member of an operator whatever function the aggregate was made of.
//   ms::AggregatingState<Payment, std::int64_t> spent;
//   void open(ms::OperatorContext& c) { spent = c.aggregating_state<Payment>("spent", ms::sum(&Payment::cents)); }
#pragma once

#include <optional>

#include "millstream/state/keyed_state.hpp"

namespace millstream::inline v0 {

/// The aggregate behind a handle.
template <class In, class Out>
class AggregatingAccess {
 public:
  virtual ~AggregatingAccess() = default;
  virtual void add(const In& value) = 0;
  [[nodiscard]] virtual std::optional<Out> result() = 0;
  virtual void erase() = 0;
};

/// A handle, made by OperatorContext::aggregating_state in open(); all members are about the current key. It throws as
/// ValueState does.
template <class In, class Out>
class AggregatingState {
 public:
  AggregatingState() = default;
  explicit AggregatingState(AggregatingAccess<In, Out>& access) : access_{&access} {}

  /// Adds a value, with the event time of the record or timer being worked on.
  void add(const In& value) { access().add(value); }
  /// The aggregate of what was added; nothing if nothing was.
  [[nodiscard]] std::optional<Out> get() const { return access().result(); }
  void clear() { access().erase(); }

 private:
  [[nodiscard]] AggregatingAccess<In, Out>& access() const {
    if (access_ == nullptr) [[unlikely]]
      detail::unmade_handle();
    return *access_;
  }
  AggregatingAccess<In, Out>* access_ = nullptr;
};

}  // namespace millstream::inline v0
