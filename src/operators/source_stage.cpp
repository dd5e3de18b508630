// Which split is read next, and what is said about those that are silent or at their end.
#include "millstream/operators/source_stage.hpp"

#include <algorithm>

#include "core/guarded_call.hpp"
#include "core/mutants.hpp"
#include "millstream/codec/codec.hpp"

namespace millstream::inline v0 {
namespace {

constexpr Duration kBackoffMin = std::chrono::milliseconds{1};
constexpr Duration kBackoffMax = std::chrono::milliseconds{20};  // 50 polls a second: far below 1 % of a core
constexpr Duration kAlignmentRetry = std::chrono::milliseconds{1};

std::string place(const DeadLetter& letter) {
  std::string text = letter.source;
  if (letter.line > 0) text += ":" + std::to_string(letter.line);
  if (letter.column > 0) text += ":" + std::to_string(letter.column);
  if (!letter.field.empty()) text += ": field '" + letter.field + "'";
  return text;
}

}  // namespace

SourceStageBase::SourceStageBase(const SourceSetup& setup) : setup_{setup}, progress_{setup.progress} {
  // Before any shard runs: while splits are compared nobody may wait for one that is not opened before others end.
  std::size_t bounded = 0;
  for (const auto& [number, split, finished] : setup_.splits) {
    if (finished) {
      progress_->set_state(number, SplitState::kFinished);
    } else if (split.bounded && ++bounded > setup_.open_splits_max) {
      progress_->set_state(number, SplitState::kWaiting);
    }
  }
}
SourceStageBase::~SourceStageBase() {
  // Readers that were not closed may still use their contexts.
  runs_.clear();
}

Status SourceStageBase::placed(const Status& status, std::size_t i) const {
  return status.at("source '" + name() + "', split " + contexts_[i]->split().id);
}

void SourceStageBase::open() {
  for (auto& [number, split, finished] : setup_.splits) add_split(number, std::move(split), finished);
  shared_ = setup_.context.shared;
  setup_.context.shared.reset();  // it is up to the splits now how long it is needed
}

void SourceStageBase::add_split(std::uint32_t number, Split split, bool finished) {
  SplitRun run;
  run.number = number;
  run.bounded = split.bounded;
  run.finished = finished;
  Waker waker{[woken = run.woken, wake = context().waker] {
    woken->store(true, std::memory_order_release);  // pairs with the exchange in step()
    wake.wake();
  }};
  contexts_.push_back(std::make_unique<SplitContext>(setup_.context, std::move(split), number, context().log,
                                                     std::move(waker), progress_));
  if (finished) contexts_.back()->release_shared();
  runs_.push_back(std::move(run));
}

// From here on it is in checkpoints; its watermark begins with what is announced, ahead of its records.
void SourceStageBase::take_arrivals() {
  setup_.context.shared = shared_.lock();
  auto bounded = static_cast<std::size_t>(
      std::count_if(runs_.begin(), runs_.end(), [](const SplitRun& run) { return run.bounded && !run.finished; }));
  for (auto& [number, split] : setup_.context.arrivals->take(context().shard)) {
    if (split.bounded && ++bounded > setup_.open_splits_max) progress_->set_state(number, SplitState::kWaiting);
    add_split(number, std::move(split), false);
    announce(number, Control::kNone, {});
  }
  setup_.context.shared.reset();
}

// Behind the end of the last split there is no place for another: the watermark is at its end.
void SourceStageBase::take_last_arrivals(std::size_t ending) {
  if (!setup_.context.arrivals) return;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (i != ending && !runs_[i].finished) return;
  }
  if (!setup_.context.arrivals->close(context().shard)) take_arrivals();
}

void SourceStageBase::open_split(std::size_t i) {
  SplitRun& run = runs_[i];
  const Status status = guarded_call([&] {
    run.reader = make_reader();
    run.open = true;
    return open_reader(run.reader.get(), *contexts_[i]);
  });
  open_bounded_ += run.open && run.bounded;
  if (!status.ok()) context().fail(placed(status, i));
  if (progress_->state(run.number) == SplitState::kWaiting) progress_->set_state(run.number, SplitState::kActive);
}

void SourceStageBase::close_split(std::size_t i) {
  SplitRun& run = runs_[i];
  const Status status = guarded_call([&] { return close_reader(run.reader.get()); });
  if (!status.ok()) context().fail(placed(status, i));
  run.reader.reset();
  contexts_[i]->release_shared();
  run.open = false;
  open_bounded_ -= run.bounded;
}

void SourceStageBase::close([[maybe_unused]] bool completed) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].open) close_split(i);
  }
}

Poll SourceStageBase::poll_split(std::size_t i) {
  SplitRun& run = runs_[i];
  BatchHandle batch = output()->make_empty();
  batch->split = run.number;
  batch->ingested_ns = context().clock->monotonic_ns();
  Poll poll;
  const Status status = guarded_call([&]() -> Status {
    Result<Poll> result = poll_reader(run.reader.get(), *batch, bad_);
    if (!result) return result.error();
    poll = *result;
    return {};
  });
  for (DeadLetter& letter : bad_) {
    if (letter.source.empty()) letter.source = contexts_[i]->split().id;
    bad_record(std::move(letter), bad_record_policy(run.reader.get()));
  }
  bad_.clear();
  if (!status.ok()) {
    context().fail(placed(status, i));
    return Poll::done();
  }
  if (batch->empty()) return poll;
  note_records(run);
  if (setup_.with_origins) {
    Origin* origins = batch->origins.enable();
    for (std::uint32_t r = 0; r < batch->size(); ++r) origins[r] = {run.number, run.records + r};
  }
  run.records += batch->size();
  metrics_.records_out.add(batch->size());
  output()->emit(std::move(batch));
  return poll;
}

void SourceStageBase::send_barriers() {
  while (barrier() < context().barrier) {
    const std::uint32_t split = runs_.empty() ? 0 : runs_.front().number;
    announce(split, Control::kBarrier, {});
    sides_.forward({}, Control::kBarrier, context().clock->monotonic_ns());
    reach_barrier();
  }
}

void SourceStageBase::save(Snapshot& snapshot) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Split& split = contexts_[i]->split();
    Position at = runs_[i].open ? position_of(runs_[i].reader.get()) : runs_[i].left_at.value_or(split.start);
    if (mutant_is(Mutant::kPositionAhead)) ++at.offset;
    if (mutant_is(Mutant::kPositionBehind) && at.offset > 0) --at.offset;
    std::string position;
    encode_value(at, position);
    const bool finished =
        progress_->state(runs_[i].number) == SplitState::kFinished && !mutant_is(Mutant::kEndedSplitForgotten);
    snapshot.position(split.id, std::move(position), finished);
  }
}

Progress SourceStageBase::step() {
  if (!ended_) send_barriers();
  if (ended_) {
    output()->drain();
    sides_.drain();
    return finished() ? Progress::kDone : Progress::kBlocked;
  }
  OutputBase& out = *output();
  if (out.drain() == Progress::kBlocked || (!sides_.empty() && sides_.drain() == Progress::kBlocked) || !out.ready() ||
      (!sides_.empty() && !sides_.ready())) {
    held_back_ = true;
    return Progress::kBlocked;
  }
  if (held_back_) {
    // Time in which nobody asked the splits says nothing about them.
    for (SplitRun& run : runs_) run.silent_since_ns = -1;
    held_back_ = false;
  }
  if (setup_.context.arrivals && setup_.context.arrivals->any(context().shard)) take_arrivals();
  if (context().stopping) {
    for (SplitRun& run : runs_) {
      if (!run.finished) {
        run.finished = true;
        progress_->set_state(run.number, context().draining ? SplitState::kFinished : SplitState::kStopped);
      }
    }
  }
  std::size_t unfinished = 0;
  const std::int64_t now_ns = context().clock->monotonic_ns();
  for (std::size_t tried = 0; tried < runs_.size(); ++tried) {
    SplitRun& run = runs_[next_];
    const std::size_t i = next_;
    next_ = next_ + 1 == runs_.size() ? 0 : next_ + 1;
    if (run.finished) continue;
    ++unfinished;
    // It holds the watermark back as any unread split does, and that nobody asks it does not make it idle.
    if (!may_be_polled(run)) continue;
    const bool woken = run.woken->load(std::memory_order_relaxed) &&
                       run.woken->exchange(false, std::memory_order_acquire);  // pairs with the store in the waker
    const bool due = woken || run.retry_at_ns <= now_ns;
    if (!due) {
      note_silence(run, now_ns);
      continue;
    }
    if (progress_->too_far_ahead(run.number)) {
      run.retry_at_ns = monotonic_after(now_ns, kAlignmentRetry);
      run.silent_since_ns = -1;
      continue;
    }
    if (!run.open) open_split(i);
    if (context().failed()) return Progress::kDone;
    const std::uint64_t before = run.records + metrics_.skipped.read();
    const Poll poll = poll_split(i);
    if (context().failed()) return Progress::kDone;
    const bool got = run.records + metrics_.skipped.read() != before;
    if (poll.kind == Poll::Kind::kDone) {
      take_last_arrivals(i);  // `run` may have moved
      finish_split(i);
      return Progress::kAdvanced;
    }
    schedule_next(run, poll, got, now_ns);
    if (!got) {
      note_silence(run, context().clock->monotonic_ns());
      if (poll.kind != Poll::Kind::kMore) continue;
    }
    return Progress::kAdvanced;
  }
  if (unfinished == 0) {
    const bool last = !setup_.context.arrivals || setup_.context.arrivals->close(context().shard);
    if (last) end_all();
    return Progress::kAdvanced;
  }
  return Progress::kIdle;
}

void SourceStageBase::schedule_next(SplitRun& run, const Poll& poll, bool got, std::int64_t now_ns) {
  if (poll.kind == Poll::Kind::kMore) {
    run.retry_at_ns = std::numeric_limits<std::int64_t>::min();
  } else if (poll.retry_at == kTimestampMin) {
    run.backoff = got ? kBackoffMin : std::clamp(run.backoff * 2, kBackoffMin, kBackoffMax);
    run.retry_at_ns = monotonic_after(now_ns, run.backoff);
  } else {
    run.retry_at_ns = monotonic_at(*context().clock, poll.retry_at);
  }
}

std::int64_t SourceStageBase::retry_at_ns() {
  if (ended_ || held_back_) return kNeverNs;
  std::int64_t first = kNeverNs;
  const std::int64_t now_ns = context().clock->monotonic_ns();
  for (const SplitRun& run : runs_) {
    if (run.finished || !may_be_polled(run)) continue;
    if (run.woken->load(std::memory_order_acquire)) return now_ns;  // pairs with the store in the waker
    first = std::min(first, std::max(run.retry_at_ns, now_ns));
    const bool watched = progress_->idle_timeout && run.silent_since_ns >= 0;
    if (watched && progress_->state(run.number) == SplitState::kActive) {
      first = std::min(first, std::max(monotonic_after(run.silent_since_ns, *progress_->idle_timeout), now_ns + 1000));
    }
  }
  return first;
}

void SourceStageBase::announce(std::uint32_t split, Control control, const Watermarks& at) {
  BatchHandle batch = output()->make_empty();
  batch->split = split;
  // What a mark fires was caused now; without this its latency would count from the boot of the machine.
  batch->ingested_ns = context().clock->monotonic_ns();
  batch->start = at;
  batch->control = control;
  output()->emit(std::move(batch));
}

void SourceStageBase::note_records(SplitRun& run) {
  run.silent_since_ns = -1;
  run.backoff = Duration{0};
  if (progress_->state(run.number) != SplitState::kIdle) return;
  progress_->set_state(run.number, SplitState::kActive);
  // Ahead of the records: they are judged by what holds once the split counts again.
  announce(run.number, Control::kNone, {});
}

void SourceStageBase::note_silence(SplitRun& run, std::int64_t now_ns) {
  if (!progress_->idle_timeout || progress_->state(run.number) != SplitState::kActive) return;
  if (run.silent_since_ns < 0) {
    run.silent_since_ns = now_ns;
  } else if (now_ns - run.silent_since_ns >= progress_->idle_timeout->count() * 1000) {
    progress_->set_state(run.number, SplitState::kIdle);
    announce(run.number, Control::kNone, {});
  }
}

void SourceStageBase::finish_split(std::size_t i) {
  SplitRun& run = runs_[i];
  const Status status = guarded_call([&] {
    if (context().barriers != nullptr) run.left_at = position_of(run.reader.get());  // later checkpoints have it, too
    return Status{};
  });
  if (!status.ok()) context().fail(placed(status, i));
  close_split(i);
  if (context().failed()) return;
  run.finished = true;
  progress_->set_state(run.number, SplitState::kFinished);
  announce(run.number, Control::kNone, {});
}

void SourceStageBase::end_all() {
  ended_ = true;
  // Without event time the end alone says whether processing-time windows fire. No split at all: nothing to wait for.
  bool complete = true;
  for (const SplitRun& run : runs_) complete &= progress_->state(run.number) == SplitState::kFinished;
  const Timestamp at = complete ? kTimestampMax : kTimestampMin;
  const std::uint32_t split = runs_.empty() ? 0 : runs_.front().number;
  announce(split, Control::kEnd, {at, at});
  sides_.forward({at, at}, Control::kEnd, context().clock->monotonic_ns());
}

void SourceStageBase::bad_record(DeadLetter letter, OnError policy) {
  if (policy == OnError::kFail) {
    context().fail(
        {ErrorCode::kInvalidData, "source '" + name() + "': " + place(letter) + ": " + letter.reason +
                                      "; to go on without such records set on_bad_record to kSkip or kDeadLetter"});
    return;
  }
  metrics_.skipped.add(1);
  if (policy == OnError::kDeadLetter) dead_letter(std::move(letter));
}

}  // namespace millstream::inline v0
