// A row of the cost benchmark: the same work done by the engine and by hand, and how the engine's side is run.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "cost/digest.hpp"
#include "cost/event.hpp"
#include "cpu_seconds.hpp"
#include "millstream/io/source.hpp"
#include "millstream/stream/dataflow.hpp"

namespace cost {

/// One run of one side.
struct Outcome {
  double seconds = 0;
  double cpu_seconds = 0;  // of all threads: what a machine that is shared with others disturbs least
  Digest digest;
};

/// Both sides of a row, holding their input.
struct Row {
  std::size_t records = 0;
  std::function<Outcome()> engine;
  std::function<Outcome()> hand;
};

/// A row that can be made; its input takes up to some gigabytes, so rows are made one after another.
struct NamedRow {
  std::string name;
  std::function<Row()> make;
};

[[nodiscard]] std::vector<NamedRow> stateless_rows();
[[nodiscard]] std::vector<NamedRow> window_rows();
[[nodiscard]] std::vector<NamedRow> session_rows();
[[nodiscard]] std::vector<NamedRow> reduce_rows();
[[nodiscard]] std::vector<NamedRow> exchange_rows();

/// The engine's input: as ms::memory::source, but the records are shared with the hand loop.
template <class T>
struct Replay {
  Input<T> records;
  std::size_t next = 0;
  std::size_t end = records->size();
  /// Called behind the last record instead of ending the stream: somebody else stops the job.
  std::function<void()> at_end = nullptr;

  millstream::Poll poll(millstream::SourceOutput<T>& out) {
    const std::size_t count = std::min(out.room(), end - next);
    out.emit_all({records->data() + next, count});
    next += count;
    if (next < end) return millstream::Poll::more();
    if (!at_end) return millstream::Poll::done();
    at_end();
    return millstream::Poll::waiting();
  }
};

class Stopwatch {
 public:
  [[nodiscard]] Outcome stop(const Digest& digest) const {
    return {std::chrono::duration<double>(Clock::now() - start_).count(), cpu_seconds() - cpu_start_, digest};
  }

 private:
  using Clock = std::chrono::steady_clock;
  double cpu_start_ = cpu_seconds();
  Clock::time_point start_ = Clock::now();
};

inline void check(const millstream::JobResult& result) {
  if (!result.ok()) throw std::runtime_error{"the job failed: " + result.status.message()};
}

/// Runs the flow on this thread, to the end of its input.
template <class T>
Outcome run_here(const millstream::Dataflow& flow, const FoldSink<T>& sink) {
  const Stopwatch watch;
  check(millstream::run(flow, {.shards = 1, .calling_thread = true}));
  return watch.stop(sink.take());
}

/// Runs a loop written by hand, whose result is its digest.
template <class F>
Outcome time_hand(F&& loop) {
  const Stopwatch watch;
  return watch.stop(loop());
}

}  // namespace cost
