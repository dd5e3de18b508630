// Job: a dataflow that runs, and run() and start(), which make one.
//   ms::run(flow);                                  // blocks until the input ends
//   ms::Job job = ms::start(flow, {.shards = 2});   // returns at once
//   job.drain(); ms::JobResult result = job.wait();
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "millstream/graph/graph.hpp"
#include "millstream/runtime/metrics.hpp"
#include "millstream/runtime/options.hpp"

namespace millstream::inline v0 {

/// How a job ended.
struct JobResult {
  JobState state = JobState::kFailed;
  Status status;  ///< why it failed or could not be started
  JobMetrics metrics;

  [[nodiscard]] bool ok() const noexcept { return state == JobState::kFinished; }
  /// 0 if it finished in good order, 1 if it failed (the reason has gone to the log), 130 if it was cancelled.
  [[nodiscard]] MILLSTREAM_EXPORT int exit_code() const noexcept;
};

/// A running job. Every member may be called from any thread. The destructor cancels a job that still runs and waits
/// for its threads. While a job waits to restart itself (see RestartPolicy), cancel() ends it, and stop() and drain()
/// end the wait: it goes on from its last checkpoint and obeys, as it does when they came before the failure.
class MILLSTREAM_EXPORT Job {
 public:
  Job(Job&&) noexcept;
  Job& operator=(Job&&) noexcept;
  ~Job();

  /// Blocks until the job has ended.
  JobResult wait();
  /// Blocks until the job has ended or `timeout` has passed; true if it has ended.
  bool wait_for(std::chrono::nanoseconds timeout);
  /// Finish what came in and end; windows stay open. Returns at once: status() shows how far it is.
  void stop();
  /// As stop(), and windows that are open fire.
  void drain();
  /// End now. What is in flight is dropped, and sinks do not publish what they have not published yet. Returns at once.
  void cancel();
  /// Makes a savepoint: a folder that RunOptions::from_savepoint starts from, on any number of shards and also with a
  /// changed graph. It is private to this user, is never removed by the job, and needs neither the job nor its
  /// state_dir any more. The job goes on meanwhile. Needs a state_dir: a checkpoint is taken at once, and the savepoint
  /// is made of it when its output is published.
  /// `folder` must be new or empty, and the folder around it be there. Blocks until the savepoint survives a power
  /// failure (success) or there is none: kAlreadyExists or kNotFound for the folder, kUnavailable where no checkpoint
  /// is done in twice checkpoint.timeout, the job's error where it failed, kIo. Any thread but the job's own (not from
  /// an operator, a source, a sink or the log hook).
  [[nodiscard]] Status savepoint(const std::string& folder);
  /// As stop(), and what has come in until then is in the savepoint: nothing is published behind it. On success the job
  /// has ended. Where the folder cannot be had, the job goes on; where the savepoint fails later, the job ends and goes
  /// on from its state_dir when it is started again.
  [[nodiscard]] Status stop_with_savepoint(const std::string& folder);
  [[nodiscard]] JobStatus status() const;
  [[nodiscard]] JobMetrics metrics() const;

 private:
  friend class JobStarter;
  struct Impl;
  explicit Job(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

namespace detail {
/// run() and start() of a graph: what Dataflow's functions of these names call.
[[nodiscard]] MILLSTREAM_EXPORT Job start_graph(const Graph& graph, const RunOptions& options);
MILLSTREAM_EXPORT JobResult run_graph(const Graph& graph, const RunOptions& options);
}  // namespace detail

}  // namespace millstream::inline v0
