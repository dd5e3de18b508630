// Names, upkeep, saving and loading of an operator's states.
#include "millstream/state/state_store.hpp"

namespace millstream::inline v0 {

StateStore::StateStore(KeySpaceBase& keys, std::shared_ptr<MemoryBudget> budget, bool track_changes, ColdTier* tier,
                       std::string stage)
    : keys_{keys},
      budget_{std::move(budget)},
      track_changes_{track_changes},
      tier_{tier},
      stage_{std::move(stage)},
      timers_{keys} {
  if (!track_changes_) return;
  timers_.event_time.track_changes();
  timers_.processing_time.track_changes();
}

void StateStore::share_memory() {
  for (const auto& state : states_) {
    if (state->cold() != nullptr) cold_.push_back(state->cold());
  }
  for (ColdTableBase* cold : cold_) cold->share(cold_.size());
}

KeyedStateBase* StateStore::find(std::string_view name) const {
  for (const auto& state : states_) {
    if (state->name() == name) return state.get();
  }
  return nullptr;
}

void StateStore::maintain() {
  for (const auto& state : states_) state->maintain();
  timer_memory_.resize(timers_.event_time.memory_bytes() + timers_.processing_time.memory_bytes());
}

void StateStore::declare(std::vector<StateDeclaration>& states) const {
  const std::string timers = "timers of " + keys_.key_schema().to_string();
  states.push_back({"event-time timers", timers});
  states.push_back({"processing-time timers", timers});
  for (const auto& state : states_) states.push_back(state->declare());
}

void StateStore::save(std::uint32_t first, Snapshot& snapshot) {
  timers_.event_time.save(first, snapshot);
  timers_.processing_time.save(first + 1, snapshot);
  for (std::uint32_t i = 0; i < states_.size(); ++i) states_[i]->save(first + 2 + i, snapshot);
}

Status StateStore::restore(const StateEntry& saved) {
  if (saved.state < 2) {
    TimerQueue& timers = saved.state == 0 ? timers_.event_time : timers_.processing_time;
    if (timers.restore(saved)) return {};
    return {ErrorCode::kInvalidData, "a saved timer of the operator cannot be read"};
  }
  MILLSTREAM_ASSERT(saved.state - 2 < states_.size());
  KeyedStateBase& state = *states_[saved.state - 2];
  Status failure;
  if (state.restore(saved, failure)) return failure;
  return {ErrorCode::kInvalidData, "an entry of the saved state '" + state.name() + "' cannot be read"};
}

Status StateStore::end_restore() {
  for (ColdTableBase* cold : cold_) {
    if (Status s = cold->end_restore(); !s.ok()) return s;
  }
  return {};
}

}  // namespace millstream::inline v0
