// Savepoints from being asked for to being there.
#include "runtime/savepoints.hpp"

#include <algorithm>
#include <utility>

#include "millstream/core/clock.hpp"
#include "millstream/runtime/engine.hpp"
#include "runtime/checkpointer.hpp"

namespace millstream::inline v0 {
namespace {

Status make(SavepointWriter& writer, CheckpointStore& store, const Manifest& manifest, const std::string& decider) {
  if (Status s = store.save_to(writer, manifest); !s.ok()) return s;
  return writer.finish(manifest, decider);
}

}  // namespace

SavepointQueue::~SavepointQueue() { close({ErrorCode::kUnavailable, "the job has ended"}); }

template <class Which>
std::vector<SavepointRequest> SavepointQueue::take_if(const Which& which) {
  const std::scoped_lock lock{mutex_};
  std::vector<SavepointRequest> taken;
  std::erase_if(waiting_, [&](Waiting& each) {
    if (!which(each)) return false;
    taken.push_back(std::move(each.request));
    return true;
  });
  return taken;
}

// What was written of it is gone before anybody hears that it failed.
void SavepointQueue::refuse(std::vector<SavepointRequest> requests, const Status& why) {
  for (SavepointRequest& request : requests) {
    request.writer.reset();
    request.done(why);
  }
}

void SavepointQueue::add(SavepointRequest request, std::int64_t now_ns) {
  std::unique_lock lock{mutex_};
  if (!closed_) {
    waiting_.push_back({std::move(request), now_ns, false});
    return;
  }
  const Status why = *closed_;
  lock.unlock();
  request.writer.reset();
  request.done(why);
}

void SavepointQueue::close(const Status& why) {
  {
    const std::scoped_lock lock{mutex_};
    if (!closed_) closed_ = why;
  }
  refuse(take_if([](const Waiting&) { return true; }), why);
}

bool SavepointQueue::wants_checkpoint() const {
  const std::scoped_lock lock{mutex_};
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [](const Waiting& each) { return !each.begun && !each.request.at_end; });
}

void SavepointQueue::checkpoint_begins(std::int64_t now_ns) {
  const std::scoped_lock lock{mutex_};
  for (Waiting& each : waiting_) {
    if (each.request.at_end) continue;
    each.begun = true;
    each.since_ns = now_ns;
  }
}

void SavepointQueue::checkpoint_committed(CheckpointStore& store, const Manifest& manifest, bool last) {
  for (SavepointRequest& request : take_if([&](const Waiting& each) { return each.begun || last; })) {
    Status made = make(*request.writer, store, manifest, decider_);
    request.writer.reset();
    if (!made.ok() && request.at_end) {
      made = {made.code(), made.message() + "; the job ends, and started again it goes on from its state_dir"};
    }
    request.done(made);
  }
}

void SavepointQueue::checkpoint_failed(const Status& why) {
  refuse(take_if([](const Waiting& each) { return each.begun; }), why);
}

std::int64_t SavepointQueue::gives_up_ns(const Waiting& waiting) const {
  return waiting.request.at_end ? kNeverNs : monotonic_after(waiting.since_ns, timeout_);
}

std::int64_t SavepointQueue::deadline_ns() const {
  const std::scoped_lock lock{mutex_};
  std::int64_t first = kNeverNs;
  for (const Waiting& each : waiting_) first = std::min(first, gives_up_ns(each));
  return first;
}

void SavepointQueue::give_up(std::int64_t now_ns) {
  refuse(take_if([&](const Waiting& each) { return gives_up_ns(each) <= now_ns; }),
         {ErrorCode::kUnavailable,
          "the checkpoint before it, or the publishing of its output, has not ended in checkpoint.timeout"});
}

bool ask_for_savepoint(Engine& engine, const std::string& folder, bool stop, std::function<void(const Status&)> done) {
  const auto placed = [folder, done = std::move(done)](const Status& status) {
    done(status.at("savepoint '" + folder + "'"));
  };
  Checkpointer* checkpointer = engine.checkpointer();
  if (checkpointer == nullptr) {
    placed({ErrorCode::kInvalidArgument, "it is made of a checkpoint, and this job takes none: give it a state_dir"});
    return false;
  }
  Result<std::unique_ptr<SavepointWriter>> writer =
      SavepointWriter::begin(*engine.shard(0).context().file_system, folder);
  if (!writer) {
    placed(writer.error());
    return false;
  }
  checkpointer->request({*std::move(writer), stop, placed});
  if (stop) engine.request_stop(false);
  return true;
}

}  // namespace millstream::inline v0
