// Names, upkeep, saving and loading of an operator's states.
#include "millstream/state/state_store.hpp"

namespace millstream::inline v0 {

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

void StateStore::save(std::uint32_t first, std::uint32_t end, ByteWriter& out) const {
  out.write_varint(states_.size());
  for (const auto& state : states_) {
    out.write_varint(state->name().size());
    out.write_bytes(state->name());
    state->save(first, end, out);
  }
  timers_.event_time.save(first, end, out);
  timers_.processing_time.save(first, end, out);
}

Status StateStore::load(ByteReader& in) {
  std::size_t count = 0;
  if (!in.read_count(count)) return {ErrorCode::kInvalidData, "the saved state of the operator cannot be read"};
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t size = 0;
    std::string_view name;
    if (!in.read_count(size) || !in.read_view(size, name)) {
      return {ErrorCode::kInvalidData, "the saved state of the operator cannot be read"};
    }
    KeyedStateBase* state = find(name);
    if (state == nullptr) {
      return {ErrorCode::kInvalidData,
              "there is saved state '" + std::string{name} + "', but the operator asks for none of that name in open"};
    }
    if (!state->load(in)) {
      return {ErrorCode::kInvalidData, "the saved state '" + std::string{name} + "' cannot be read"};
    }
  }
  if (!timers_.event_time.load(in) || !timers_.processing_time.load(in)) {
    return {ErrorCode::kInvalidData, "the saved timers of the operator cannot be read"};
  }
  return {};
}

}  // namespace millstream::inline v0
