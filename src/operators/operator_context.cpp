// What an operator may ask for, and what the job says when it may not.
#include "millstream/operators/operator_context.hpp"

#include <stdexcept>

#include "millstream/core/hash.hpp"

namespace millstream::inline v0 {

OperatorContext::OperatorContext(ShardContext& shard, std::string stage, SideOutputs& sides, KeySpaceBase* keys,
                                 bool has_on_timer)
    : shard_{shard},
      stage_{std::move(stage)},
      sides_{sides},
      random_{shard.seed, hash_bytes(stage_.data(), stage_.size()) + shard.shard},
      has_on_timer_{has_on_timer} {
  if (keys != nullptr) store_.emplace(*keys, shard.memory, shard.barriers != nullptr, shard.cold, stage_);
}

const void* OperatorContext::key_as(const std::type_info& type) const {
  if (!store_) throw std::logic_error{"key() was called in an operator that is not keyed"};
  store_->keys().require_key();
  if (store_->keys().key_type() != type) {
    throw std::logic_error{"key<K>() was called with a type that is not the one that key_by gives"};
  }
  return store_->keys().key();
}

bool OperatorContext::may_add_state(const std::string& name, const StateOptions& options) {
  const auto refuse = [&](const std::string& why) {
    shard_.fail({ErrorCode::kInvalidArgument, "stage '" + stage_ + "': state '" + name + "': " + why});
    return false;
  };
  if (!store_) {
    return refuse(
        "the operator is not keyed, and state belongs to keys: put key_by(...) before process(...), or keep a "
        "plain member");
  }
  if (name.empty()) return refuse("a state needs a name");
  if (!opening_) return refuse("states are asked for in open(), before the first record");
  if (store_->find(name) != nullptr) {
    return refuse("the operator has asked for a state of that name already; names are unique in an operator");
  }
  if (options.ttl < options.ttl.zero()) return refuse("a negative time to live; 0 stands for no end");
  return true;
}

Timers OperatorContext::timers() {
  const auto refuse = [&](const std::string& why) {
    shard_.fail({ErrorCode::kInvalidArgument, "stage '" + stage_ + "': timers: " + why});
    return Timers{};
  };
  if (!store_) {
    return refuse("the operator is not keyed, and timers belong to keys: put key_by(...) before process(...)");
  }
  if (!has_on_timer_) return refuse("the operator has no member on_timer(const ms::Timer&, ms::Collector<Out>&)");
  return Timers{store_->timers()};
}

}  // namespace millstream::inline v0
