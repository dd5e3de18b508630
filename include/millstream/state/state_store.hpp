// StateStore: all states and timers of one keyed operator on one shard, under their names.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/state/keyed_state.hpp"
#include "millstream/state/timers.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT StateStore {
 public:
  /// `track_changes`: checkpoints will ask for what has changed.
  StateStore(KeySpaceBase& keys, std::shared_ptr<MemoryBudget> budget, bool track_changes);

  /// A new state; there must be none of that name.
  template <class Content>
  KeyedState<Content>& add(std::string name, StateOptions options) {
    MILLSTREAM_ASSERT(find(name) == nullptr);
    auto state = std::make_unique<KeyedState<Content>>(std::move(name), keys_, options, budget_, track_changes_);
    KeyedState<Content>& result = *state;
    states_.push_back(std::move(state));
    return result;
  }
  /// Null if there is none.
  [[nodiscard]] KeyedStateBase* find(std::string_view name) const;
  [[nodiscard]] KeySpaceBase& keys() const noexcept { return keys_; }
  [[nodiscard]] TimerService& timers() noexcept { return timers_; }
  [[nodiscard]] const TimerService& timers() const noexcept { return timers_; }

  /// Between batches: see KeyedStateBase::maintain().
  void maintain();

  /// Timers of event time, of processing time, then the states in the order in which they were added.
  void declare(std::vector<StateDeclaration>& states) const;
  /// Gives out everything, or what has changed; `first` is the number of the first of these declarations.
  void save(std::uint32_t first, Snapshot& snapshot);
  /// Adds what save() gave out, after the states have been added; `saved.state` counts from the first declaration.
  /// kInvalidData where the bytes are not that.
  [[nodiscard]] Status restore(const StateEntry& saved);

 private:
  KeySpaceBase& keys_;
  std::shared_ptr<MemoryBudget> budget_;
  bool track_changes_;
  std::vector<std::unique_ptr<KeyedStateBase>> states_;
  TimerService timers_;
  MemoryReservation timer_memory_{budget_};
};

}  // namespace millstream::inline v0
