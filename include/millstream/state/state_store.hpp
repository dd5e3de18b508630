// StateStore: all states and timers of one keyed operator on one shard, under their names.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
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
  /// `track_changes`: checkpoints will ask for what has changed. Where there is a `tier`, states need not fit in
  /// memory: they go to the column of `stage`.
  StateStore(KeySpaceBase& keys, std::shared_ptr<MemoryBudget> budget, bool track_changes, ColdTier* tier = nullptr,
             std::string stage = {});

  /// A new state; there must be none of that name.
  template <class Content>
  KeyedState<Content>& add(std::string name, StateOptions options) {
    MILLSTREAM_ASSERT(find(name) == nullptr);
    const ColdPlace place{tier_, stage_, static_cast<std::uint16_t>(states_.size())};
    auto state = std::make_unique<KeyedState<Content>>(std::move(name), keys_, options, budget_, track_changes_, place);
    KeyedState<Content>& result = *state;
    states_.push_back(std::move(state));
    return result;
  }
  /// Behind the last of them: those that need not fit in memory share what the stage may hold.
  void share_memory();
  /// Theirs; empty where all stay in memory.
  [[nodiscard]] std::span<ColdTableBase* const> cold() const noexcept { return cold_; }
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
  /// Behind the last of these.
  [[nodiscard]] Status end_restore();

 private:
  KeySpaceBase& keys_;
  std::shared_ptr<MemoryBudget> budget_;
  bool track_changes_;
  ColdTier* tier_;
  std::string stage_;
  std::vector<ColdTableBase*> cold_;
  std::vector<std::unique_ptr<KeyedStateBase>> states_;
  TimerService timers_;
  MemoryReservation timer_memory_{budget_};
};

}  // namespace millstream::inline v0
