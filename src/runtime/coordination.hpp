// Engine::Coordination: what the coordinator of checkpoints can do to an engine.
#pragma once

#include "millstream/runtime/engine.hpp"
#include "runtime/checkpointer.hpp"

namespace millstream::inline v0 {

class Engine::Coordination final : public CheckpointedJob {
 public:
  explicit Coordination(Engine& engine) : engine_{engine} {}

  void send_barrier(std::uint64_t barrier, std::uint64_t whole) override {
    engine_.barrier_.set({barrier, whole});
    engine_.notify_all();
  }
  void made_room(std::uint32_t shard) override { engine_.shards_[shard]->signal().notify(); }
  void commit_barrier(std::uint64_t barrier) override {
    engine_.committed_.store(barrier, std::memory_order_relaxed);
    engine_.notify_all();
  }
  void may_leave() override {
    engine_.may_leave_.store(true, std::memory_order_relaxed);
    engine_.notify_all();
  }
  void fail(const Status& status) override { engine_.fail(status); }

 private:
  Engine& engine_;
};

}  // namespace millstream::inline v0
