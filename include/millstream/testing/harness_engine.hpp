// The engine of an operator harness: one shard, a clock that stands still, files in memory, stepped until it is idle.
#pragma once

#include <memory>

#include "millstream/core/clock.hpp"
#include "millstream/runtime/engine.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0::testing {

/// Used on one thread. After a failure the calls do nothing.
class MILLSTREAM_EXPORT HarnessEngine {
 public:
  explicit HarnessEngine(Timestamp now);
  ~HarnessEngine();
  HarnessEngine(const HarnessEngine&) = delete;
  HarnessEngine& operator=(const HarnessEngine&) = delete;

  /// Builds and opens the graph; a mistake in it becomes status().
  void start(const Graph& graph);
  [[nodiscard]] bool started() const noexcept { return started_; }
  /// Steps until there is nothing left to do at this instant.
  void run();
  /// Goes from deadline to deadline until `by` has passed.
  void advance(Duration by);
  /// Closes the stages; in good order if everything has been given on.
  void close();

  [[nodiscard]] Status status() const;
  [[nodiscard]] JobMetrics metrics() const;
  [[nodiscard]] Timestamp now() const { return clock_->now(); }

 private:
  std::unique_ptr<ManualClock> clock_;
  std::unique_ptr<MemoryFileSystem> files_;
  std::unique_ptr<Engine> engine_;
  Status refused_;
  bool started_ = false;
  bool closed_ = false;
};

}  // namespace millstream::inline v0::testing
