// One checkpoint after the other: barrier, segments, manifest, decision, sinks.
#include "runtime/checkpointer.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "core/kill_points.hpp"
#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/core/file_system.hpp"
#include "runtime/watched_call.hpp"

namespace millstream::inline v0 {
namespace {

/// As the clocks count; never less than was asked for.
Duration micros(std::chrono::nanoseconds d) { return std::chrono::ceil<Duration>(d); }

// From a checkpoint that failed to the next one, where somebody waits for it.
constexpr Duration kEarlyRetry{std::chrono::seconds{1}};

}  // namespace

Checkpointer::Checkpointer(CheckpointedJob& job, CheckpointStore& store, DecisionRunner& decider,
                           CheckpointOptions options, CheckpointFacts facts, Clock& clock, LogHook log,
                           std::uint64_t nonce_seed)
    : job_{job},
      store_{store},
      decider_{decider},
      options_{options},
      facts_{std::move(facts)},
      clock_{clock},
      log_{std::move(log)},
      nonces_{nonce_seed},
      savepoints_{micros(options.timeout), facts_.decider},
      committed_{facts_.committed},
      chain_{facts_.shards, options.rebase_bytes},
      taker_{store, facts_.shards, [this](std::uint32_t shard) { job_.made_room(shard); }} {
  last_id_ = committed_.id;
  next_ns_ = monotonic_after(clock_.monotonic_ns(), micros(options_.interval));
}

void Checkpointer::take(ShardPart part) {
  taker_.take(std::move(part));
  wake();
}

void Checkpointer::note_committed() {
  {
    const std::scoped_lock lock{mutex_};
    ++events_.committed;
  }
  wake();
}

void Checkpointer::note_ended() {
  {
    const std::scoped_lock lock{mutex_};
    ++events_.ended;
  }
  wake();
}

void Checkpointer::request(SavepointRequest savepoint) {
  savepoints_.add(std::move(savepoint), clock_.monotonic_ns());
  wake();
}

void Checkpointer::request_early() {
  {
    const std::scoped_lock lock{mutex_};
    events_.early = true;
  }
  wake();
}

void Checkpointer::fill_in(JobStatus& status) const {
  status.checkpoints = completed_.load(std::memory_order_relaxed);
  status.checkpoints_failed = failed_.load(std::memory_order_relaxed);
  status.last_checkpoint = last_id_.load(std::memory_order_relaxed);
}

Checkpointer::Events Checkpointer::take_events() {
  const std::scoped_lock lock{mutex_};
  return std::exchange(events_, {});
}

std::int64_t Checkpointer::deadline_ns() const {
  if (taker_.has_parts()) return 0;
  if (phase_ == Phase::kLeft) return kNeverNs;
  return std::min({phase_deadline_ns(), savepoints_.deadline_ns(), decider_.stuck_at_ns()});
}

std::int64_t Checkpointer::phase_deadline_ns() const {
  switch (phase_) {
    case Phase::kIdle:
      if (ended_ == facts_.shards || savepoints_.wants_checkpoint()) return 0;
      return early_ ? std::min(early_ns_, next_ns_) : next_ns_;
    case Phase::kCollecting:
    case Phase::kPrepared:
      return monotonic_after(started_ns_, micros(options_.timeout));
    default:
      return kNeverNs;
  }
}

void Checkpointer::step() {
  const Events events = take_events();
  ended_ += events.ended;
  sinks_done_ += events.committed;
  early_ = early_ || events.early;
  for (SnapshotTaker::Taken& taken : taker_.write_some()) collect(std::move(taken));
  if (phase_ == Phase::kCollecting && !taker_.failure().ok()) give_up(taker_.failure());
  for (const DecisionRunner::Reply& reply : decider_.take_replies()) answer(reply);
  const std::int64_t now_ns = clock_.monotonic_ns();
  look_whether_stuck(now_ns);
  if (phase_ == Phase::kCommitting && sinks_done_ == facts_.shards) finish(now_ns);
  if ((phase_ == Phase::kCollecting || phase_ == Phase::kPrepared) && phase_deadline_ns() <= now_ns) {
    give_up({ErrorCode::kUnavailable, "it was not complete after " +
                                          std::to_string(options_.timeout.count() / 1'000'000) +
                                          " ms: some stage, sink or decider is slow, or .timeout is short"});
  }
  if (phase_ == Phase::kIdle && phase_deadline_ns() <= now_ns) start(now_ns);
  savepoints_.give_up(now_ns);
}

void Checkpointer::start(std::int64_t now_ns) {
  last_ = ended_ == facts_.shards;
  ahead_ = early_ && next_ns_ > now_ns && !last_ && !savepoints_.wants_checkpoint();
  started_ns_ = now_ns;
  savepoints_.checkpoint_begins(now_ns);
  collected_ = 0;
  sinks_done_ = 0;
  manifest_ = {};
  manifest_.checkpoint = {std::max(store_.next_id(), facts_.ids_above + 1), nonces_()};
  manifest_.parent = committed_;
  manifest_.job_id = facts_.job_name;
  manifest_.job_name = facts_.job_name;
  manifest_.watermark_step = facts_.watermark_step;
  if (Status s = store_.begin(manifest_.checkpoint); !s.ok()) {
    phase_ = Phase::kGivenUp;
    give_up(s);
    return;
  }
  phase_ = Phase::kCollecting;
  early_ = false;
  whole_ = chain_.wants_whole();
  taker_.begin(manifest_.checkpoint, ++barrier_);
  job_.send_barrier(barrier_, whole_);
}

// What a shard has said counts from here on, whatever becomes of the checkpoint: it says nothing of it again.
void Checkpointer::collect(SnapshotTaker::Taken taken) {
  ShardSnapshot& snapshot = taken.snapshot;
  MILLSTREAM_ASSERT(snapshot.barrier == barrier_ && collected_ < facts_.shards);
  ++collected_;
  if (taken.segment) {
    chain_.add(*std::move(taken.segment), (whole_ >> snapshot.shard & 1) != 0);
  } else if (!mutant_is(Mutant::kFailedChangesForgotten)) {
    chain_.lost(snapshot.shard);
  }
  if (phase_ == Phase::kCollecting) {
    if (snapshot.shard == 0) manifest_.stages = std::move(snapshot.stages);
    std::move(snapshot.positions.begin(), snapshot.positions.end(), std::back_inserter(manifest_.positions));
    std::move(snapshot.prepared.begin(), snapshot.prepared.end(), std::back_inserter(manifest_.prepared));
    const std::uint32_t forgone = mutant_is(Mutant::kDecidedWithoutAShard) && facts_.shards > 1 ? 1 : 0;
    if (collected_ == facts_.shards - forgone && taker_.failure().ok()) prepare();
  } else if (phase_ == Phase::kGivenUp && collected_ == facts_.shards) {
    end_giving_up();
  }
}

std::vector<SegmentHandle> Checkpointer::segments_to_name() const {
  std::vector<SegmentHandle> all = chain_.segments();
  std::erase_if(all, [this](const SegmentHandle& each) {
    const bool kept = each.epoch.id > committed_.id;
    return each.epoch != manifest_.checkpoint &&
           (mutant_is(Mutant::kChainCut) || (mutant_is(Mutant::kKeptNotNamed) && kept));
  });
  return all;
}

// Both sides prepare at once: what the decider sends to other machines goes out while the manifest is written.
void Checkpointer::prepare() {
  manifest_.written_at = clock_.now();
  manifest_.segments = segments_to_name();
  // Shards come in any order; what is written says the same whatever it was.
  std::sort(manifest_.positions.begin(), manifest_.positions.end(), [](const SplitPosition& a, const SplitPosition& b) {
    return std::tie(a.source, a.split) < std::tie(b.source, b.split);
  });
  decider_.prepare({manifest_.checkpoint, manifest_.positions});
  if (Status s = mutant_is(Mutant::kManifestAfterDecision) ? Status{} : publish(); !s.ok()) {
    give_up(s);
    return;
  }
  phase_ = Phase::kPrepared;
}

Status Checkpointer::publish() {
  Status published = store_.publish(manifest_);
  if (published.ok()) kill_point("decision.before");
  return published;
}

void Checkpointer::answer(const DecisionRunner::Reply& reply) {
  using enum DecisionStep::Outcome;
  if (phase_ == Phase::kLeft) return;
  const std::string what = "checkpoint " + reply.checkpoint.to_string();
  if (reply.step.outcome == kInDoubt) {
    fail(reply.step.status.at("whether " + what + " is committed is not known until the job starts again"));
    return;
  }
  if (reply.step.outcome == kAborted) {
    fail(reply.step.status.at("the output since the checkpoint before " + what +
                              " was dropped, and the job has to go on from there"));
    return;
  }
  // What was given up meanwhile does not matter any more.
  const bool awaited = phase_ == (reply.call == DecisionRunner::Call::kPrepare ? Phase::kPrepared : Phase::kDeciding);
  if (reply.call == DecisionRunner::Call::kGiveUp || !awaited || reply.checkpoint != manifest_.checkpoint) return;
  if (reply.step.outcome != kDone) {
    give_up(reply.step.status);
  } else if (reply.call == DecisionRunner::Call::kPrepare) {
    phase_ = Phase::kDeciding;
    decider_.decide({manifest_.checkpoint, manifest_.positions});
  } else {
    decided();
  }
}

void Checkpointer::decided() {
  kill_point("decision.after");
  if (mutant_is(Mutant::kManifestAfterDecision)) {
    if (Status s = publish(); !s.ok()) return fail(s);
  }
  // The marker repeats what was decided elsewhere. Without it the store does not know what to keep; a restart puts it
  // right.
  if (const CommitResult marked = store_.commit(manifest_.checkpoint);
      marked.outcome != CommitResult::Outcome::kCommitted) {
    fail(marked.status.at("checkpoint " + manifest_.checkpoint.to_string() +
                          " is decided, and cannot be marked so in the state folder"));
    return;
  }
  committed_ = manifest_.checkpoint;
  chain_.committed();
  phase_ = Phase::kCommitting;
  job_.commit_barrier(barrier_);
}

void Checkpointer::look_whether_stuck(std::int64_t now_ns) {
  if (phase_ == Phase::kLeft || decider_.stuck_at_ns() > now_ns) return;
  decider_.abandon();
  const std::string which = "checkpoint " + manifest_.checkpoint.to_string();
  fail(Status{ErrorCode::kUnavailable, std::string{kStuckCall}}.at(
      "whether " + which + " is committed is not known until the job starts again"));
}

void Checkpointer::finish(std::int64_t now_ns) {
  ++completed_;
  last_id_ = committed_.id;
  failed_in_a_row_ = 0;
  savepoints_.checkpoint_committed(store_, manifest_, last_);
  // What could not be removed now is removed next time.
  if (Status s = store_.collect(options_.retained); !s.ok() && log_) {
    log_(LogLevel::kWarning, s.at("removing old checkpoints").message());
  }
  next_ns_ = std::max(monotonic_after(started_ns_, micros(options_.interval)),
                      monotonic_after(now_ns, micros(options_.min_pause)));
  early_ns_ = monotonic_after(now_ns, micros(options_.min_pause));
  phase_ = Phase::kIdle;
  if (!last_) return;
  phase_ = Phase::kLeft;
  savepoints_.close({ErrorCode::kUnavailable, "the job has ended"});
  job_.may_leave();
}

void Checkpointer::give_up(const Status& why) {
  const std::int64_t now_ns = clock_.monotonic_ns();
  ++failed_;
  // Those between two that are due are as many as state needs that does not fit in memory, not as many as the options
  // say: the next that is due is the one that counts, and it comes in its time.
  const bool counts = !ahead_ || next_ns_ <= now_ns;
  if (counts) ++failed_in_a_row_;
  const Status placed = why.at("checkpoint " + manifest_.checkpoint.to_string());
  savepoints_.checkpoint_failed(placed);
  if (mutant_is(Mutant::kPublishedWhenGivenUp)) job_.commit_barrier(barrier_);
  if (phase_ != Phase::kGivenUp) {
    decider_.give_up(manifest_.checkpoint);
    // Segments are kept for the next one, unless that keeps the disk full.
    const bool full = is_disk_full(why);
    if (full) {
      taker_.drop();
      if (!mutant_is(Mutant::kFailedChangesForgotten)) chain_.drop_kept();
    }
    const auto segments = full ? AbortedSegments::kDrop : AbortedSegments::kKeep;
    if (Status s = store_.abort(manifest_.checkpoint, segments); !s.ok() && log_) {
      log_(LogLevel::kWarning, s.at("removing what is left of it").message());
    }
    if (full) drop_kept();
    phase_ = Phase::kGivenUp;
    if (collected_ == facts_.shards) end_giving_up();
  } else {
    phase_ = Phase::kIdle;  // no barrier was sent
    if (is_disk_full(why)) {
      chain_.drop_kept();
      drop_kept();
    }
  }
  if (last_ || (counts && failed_in_a_row_ > options_.tolerated_failures)) {
    fail({placed.code(), placed.message() + "; what was committed before is kept: mend the cause and start again"});
    return;
  }
  if (log_) log_(LogLevel::kWarning, placed.message() + "; the job goes on and tries again");
  const std::int64_t paused_ns = monotonic_after(now_ns, micros(options_.min_pause));
  next_ns_ = std::max(paused_ns, counts ? monotonic_after(now_ns, micros(options_.interval)) : next_ns_);
  early_ns_ = monotonic_after(now_ns, std::max(kEarlyRetry, micros(options_.min_pause)));
}

// All shards have said everything, and what is on the disk of it is whole. It may have taken the place of what was kept
// before, and the next may fail, too: nothing else would remove that until one is committed.
void Checkpointer::end_giving_up() {
  phase_ = Phase::kIdle;
  drop_kept();
}

void Checkpointer::drop_kept() {
  if (Status s = store_.drop_kept(chain_.segments()); !s.ok() && log_) {
    log_(LogLevel::kWarning, s.at("removing segments that no checkpoint will name").message());
  }
}

void Checkpointer::close(const Status& why) {
  savepoints_.close(why);
  taker_.drop();
  // What cannot be removed now is removed at the next start.
  static_cast<void>(store_.drop_kept({}));
}

void Checkpointer::fail(const Status& why) {
  phase_ = Phase::kLeft;
  taker_.drop();
  savepoints_.close(why);
  job_.fail(why);
}

}  // namespace millstream::inline v0
