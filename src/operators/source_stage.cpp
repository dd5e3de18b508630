// Which split is read next, and what is said about those that are silent or at their end.
#include "millstream/operators/source_stage.hpp"

#include <algorithm>
#include <exception>

namespace millstream::inline v0 {
namespace {

constexpr Duration kBackoffMin = std::chrono::milliseconds{1};
constexpr Duration kBackoffMax = std::chrono::milliseconds{10};  // 100 polls a second: far below 1 % of a core
constexpr Duration kAlignmentRetry = std::chrono::milliseconds{1};

std::string place(const DeadLetter& letter) {
  std::string text = letter.source;
  if (letter.line > 0) text += ":" + std::to_string(letter.line);
  if (letter.column > 0) text += ":" + std::to_string(letter.column);
  if (!letter.field.empty()) text += ": field '" + letter.field + "'";
  return text;
}

// Runs a member of the user's source and turns an exception into a Status.
template <class F>
Status guarded_call(F&& f) {
  try {
    return f();
  } catch (const std::exception& error) {
    return {ErrorCode::kUserFailure, std::string{"threw: "} + error.what()};
  } catch (...) {
    return {ErrorCode::kUserFailure, "threw an exception that is not a std::exception"};
  }
}

}  // namespace

SourceStageBase::SourceStageBase(const SourceSetup& setup) : setup_{setup}, progress_{setup.progress} {}
SourceStageBase::~SourceStageBase() = default;

Status SourceStageBase::placed(const Status& status, std::size_t i) const {
  return status.at("source '" + name() + "', split " + contexts_[i]->split().id);
}

void SourceStageBase::open() {
  for (auto& [number, split] : setup_.splits) {
    SplitRun run;
    run.number = number;
    Waker waker{[woken = run.woken, wake = context().waker] {
      woken->store(true, std::memory_order_release);  // pairs with the exchange in step()
      wake.wake();
    }};
    contexts_.push_back(
        std::make_unique<SplitContext>(setup_.context, std::move(split), number, context().log, std::move(waker)));
    runs_.push_back(std::move(run));
  }
  make_readers(runs_.size());
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Status status = guarded_call([&] { return open_reader(i, *contexts_[i]); });
    if (!status.ok()) {
      context().fail(placed(status, i));
      return;
    }
  }
}

void SourceStageBase::close([[maybe_unused]] bool completed) {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Status status = guarded_call([&] { return close_reader(i); });
    if (!status.ok()) context().fail(placed(status, i));
  }
}

Poll SourceStageBase::poll_split(std::size_t i) {
  SplitRun& run = runs_[i];
  BatchHandle batch = output()->make_empty();
  batch->split = run.number;
  batch->ingested_ns = context().clock->monotonic_ns();
  Poll poll;
  const Status status = guarded_call([&]() -> Status {
    Result<Poll> result = poll_reader(i, *batch, bad_);
    if (!result) return result.error();
    poll = *result;
    return {};
  });
  for (DeadLetter& letter : bad_) {
    if (letter.source.empty()) letter.source = contexts_[i]->split().id;
    bad_record(std::move(letter), bad_record_policy(i));
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

Progress SourceStageBase::step() {
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
  if (context().stopping) {
    for (SplitRun& run : runs_) {
      if (!run.finished) {
        run.finished = true;
        progress_->set_state(run.number, context().draining ? SplitState::kFinished : SplitState::kStopped);
      }
    }
  }
  std::size_t open = 0;
  const Timestamp now = context().clock->now();
  for (std::size_t tried = 0; tried < runs_.size(); ++tried) {
    SplitRun& run = runs_[next_];
    const std::size_t i = next_;
    next_ = next_ + 1 == runs_.size() ? 0 : next_ + 1;
    if (run.finished) continue;
    ++open;
    const bool woken = run.woken->load(std::memory_order_relaxed) &&
                       run.woken->exchange(false, std::memory_order_acquire);  // pairs with the store in the waker
    const bool due = woken || run.retry_at <= now;
    if (!due) {
      note_silence(run, context().clock->monotonic_ns());
      continue;
    }
    if (progress_->too_far_ahead(run.number)) {
      run.retry_at = saturating_add(now, kAlignmentRetry);
      run.silent_since_ns = -1;
      continue;
    }
    const std::uint64_t before = run.records + metrics_.skipped.read();
    const Poll poll = poll_split(i);
    if (context().failed()) return Progress::kDone;
    const bool got = run.records + metrics_.skipped.read() != before;
    switch (poll.kind) {
      case Poll::Kind::kMore:
        run.retry_at = kTimestampMin;
        break;
      case Poll::Kind::kDone:
        finish_split(run, SplitState::kFinished);
        break;
      case Poll::Kind::kIdle:
        if (poll.retry_at == kTimestampMin) {
          run.backoff = got ? kBackoffMin : std::clamp(run.backoff * 2, kBackoffMin, kBackoffMax);
          run.retry_at = saturating_add(now, run.backoff);
        } else {
          run.retry_at = poll.retry_at;
        }
        break;
    }
    if (run.finished) return Progress::kAdvanced;
    if (!got) {
      note_silence(run, context().clock->monotonic_ns());
      if (poll.kind != Poll::Kind::kMore) continue;
    }
    return Progress::kAdvanced;
  }
  if (open == 0) {
    end_all();
    return Progress::kAdvanced;
  }
  return Progress::kIdle;
}

Timestamp SourceStageBase::deadline() {
  if (ended_ || held_back_) return kTimestampMax;
  Timestamp first = kTimestampMax;
  const Timestamp now = context().clock->now();
  for (const SplitRun& run : runs_) {
    if (run.finished) continue;
    if (run.woken->load(std::memory_order_acquire)) return now;  // pairs with the store in the waker
    first = std::min(first, run.retry_at);
    const bool watched = progress_->idle_timeout && run.silent_since_ns >= 0;
    if (watched && progress_->state(run.number) == SplitState::kActive) {
      const auto silent = Duration{(context().clock->monotonic_ns() - run.silent_since_ns) / 1000};
      first = std::min(first, saturating_add(now, std::max(*progress_->idle_timeout - silent, Duration{1})));
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

void SourceStageBase::finish_split(SplitRun& run, SplitState state) {
  run.finished = true;
  progress_->set_state(run.number, state);
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
  sides_.forward({at, at}, Control::kEnd);
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
