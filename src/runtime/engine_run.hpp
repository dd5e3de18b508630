// EngineRun: one engine on threads, from its first step until every shard is closed: who steps, who sleeps, and how all
// of them come to an end together. A job is one of these after the other.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "millstream/graph/graph.hpp"
#include "millstream/runtime/engine.hpp"
#include "millstream/runtime/options.hpp"
#include "runtime/parker.hpp"
#include "runtime/stepping_thread.hpp"

namespace millstream::inline v0 {

class EngineRun {
 public:
  /// Builds the engine; starts nothing.
  [[nodiscard]] static Result<std::unique_ptr<EngineRun>> build(const Graph& graph, const RunOptions& options);

  /// Once. Steps all shards, the first one on the calling thread, until all are closed; behind it nobody steps any more
  /// and another engine may have the state folder. Engine::failure() says whether it went well.
  void run();
  /// Behind run(): the input ended, or what came in before a stop was finished, and sinks were told so.
  [[nodiscard]] bool completed() const noexcept { return completed_; }
  /// Its members for any thread may be called from before run() to the end of this.
  [[nodiscard]] Engine& engine() noexcept { return *engine_; }

 private:
  explicit EngineRun(const RunOptions& options) : options_{options} {}
  void run_threads();
  void run_shard(std::uint32_t number);
  void loop(std::uint32_t number);
  bool park(std::uint32_t number, ShardActivity::Kind kind);
  void end_together(std::uint32_t number);
  void abandon(std::uint32_t started, const std::string& reason);
  void make_coordinating_threads();
  void end_coordinating_threads();

  RunOptions options_;
  std::vector<std::shared_ptr<Parker>> parkers_;
  std::unique_ptr<Engine> engine_;

  // What the shards agree on at their end; never touched while they run.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t running_ = 0;  // shards still in their loops
  bool completed_ = false;

  // In a job with checkpoints, from build() to the end of run().
  std::unique_ptr<SteppingThread> checkpoints_;
  std::unique_ptr<SteppingThread> decisions_;
  std::unique_ptr<SteppingThread> spills_;  // where state may leave memory
};

}  // namespace millstream::inline v0
