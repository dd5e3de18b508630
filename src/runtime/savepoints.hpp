// Savepoints of a running job: who asked for one, and the checkpoint that it is made from. A savepoint is a copy of the
// next checkpoint that the job takes anyway, so nothing of exactly-once is done twice.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/savepoint.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

class Engine;

/// A savepoint that somebody waits for.
struct SavepointRequest {
  std::unique_ptr<SavepointWriter> writer;
  bool at_end = false;  ///< of the job's last checkpoint, and of no other
  /// Called once, on any thread: it is durable, or why there is none.
  std::function<void(const Status&)> done;
};

/// Those that are not made yet. An instant is Clock::monotonic_ns().
class MILLSTREAM_EXPORT SavepointQueue {
 public:
  /// One that is not at the end waits so long for a checkpoint to begin, and so long for that to end. `decider`: stage
  /// of the sink that decides; empty = none does.
  SavepointQueue(Duration timeout, std::string decider) : timeout_{timeout}, decider_{std::move(decider)} {}
  ~SavepointQueue();

  // Any thread.
  void add(SavepointRequest request, std::int64_t now_ns);
  /// Nobody makes savepoints any more: all that wait, and all that come, hear why.
  void close(const Status& why);

  // The coordinator's thread.
  /// One waits for a checkpoint that begins after it was asked for.
  [[nodiscard]] bool wants_checkpoint() const;
  void checkpoint_begins(std::int64_t now_ns);
  /// The one that began last, or with `last` all that the job was.
  void checkpoint_committed(CheckpointStore& store, const Manifest& manifest, bool last);
  void checkpoint_failed(const Status& why);
  /// When give_up() has something to do; kNeverNs = never.
  [[nodiscard]] std::int64_t deadline_ns() const;
  void give_up(std::int64_t now_ns);

 private:
  struct Waiting {
    SavepointRequest request;
    std::int64_t since_ns = 0;
    bool begun = false;  // the checkpoint under way is for it
  };
  [[nodiscard]] std::int64_t gives_up_ns(const Waiting& waiting) const;
  template <class Which>
  [[nodiscard]] std::vector<SavepointRequest> take_if(const Which& which);
  static void refuse(std::vector<SavepointRequest> requests, const Status& why);

  Duration timeout_;
  std::string decider_;
  mutable std::mutex mutex_;  // taken some times a checkpoint
  std::vector<Waiting> waiting_;
  std::optional<Status> closed_;
};

/// Any thread. `done` is called once, on any thread: the savepoint is durable, or why there is none. With `stop` the
/// run stops, unless the folder cannot be had, and it is of the last checkpoint. False where it could not be asked for,
/// of which `done` has heard by then.
MILLSTREAM_EXPORT bool ask_for_savepoint(Engine& engine, const std::string& folder, bool stop,
                                         std::function<void(const Status&)> done);

}  // namespace millstream::inline v0
