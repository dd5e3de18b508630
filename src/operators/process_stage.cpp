// The cursor of a custom operator's stage.
#include "millstream/operators/process_stage.hpp"

#include <exception>
#include <string>

#include "core/mutants.hpp"
#include "millstream/codec/schema.hpp"

namespace millstream::inline v0 {

template <class Call, class Where>
void ProcessStageBase::protect(Call&& call, Where&& where) {
  try {
    call();
  } catch (const std::exception& error) {
    record_failed(where() + ": " + error.what(), {}, nullptr);
  } catch (...) {
    record_failed(where() + ": an exception that is not a std::exception", {}, nullptr);
  }
}

TimerService* ProcessStageBase::timers() noexcept {
  return operator_context_ && operator_context_->store_ ? &operator_context_->store_->timers() : nullptr;
}

const StateStore* ProcessStageBase::state() const noexcept {
  return operator_context_ && operator_context_->store_ ? &*operator_context_->store_ : nullptr;
}

void ProcessStageBase::read_clock() {
  if (keys_) keys_->now = context().clock->now();
}

void ProcessStageBase::begin_output(bool timed) {
  operator_context_->place_.timed = timed;
  begin_output(operator_context_->place_.ingested_ns, timed);
}

void ProcessStageBase::open() {
  operator_context_.emplace(context(), name(), sides_, keys_.get(), has_on_timer_);
  read_clock();
  Status status;
  try {
    status = open_operator();
  } catch (const std::exception& error) {
    status = {ErrorCode::kUserFailure, std::string{"threw: "} + error.what()};
  } catch (...) {
    status = {ErrorCode::kUserFailure, "threw an exception that is not a std::exception"};
  }
  if (!status.ok()) context().fail(status.at("stage '" + name() + "', open"));
  operator_context_->opening_ = false;
  if (!operator_context_->store_) return;
  operator_context_->store_->share_memory();
  cold_ = operator_context_->store_->cold();
}

void ProcessStageBase::push(BatchHandle batch) {
  MILLSTREAM_ASSERT(!input_ && !ended_ && !waiting_);
  metrics_.records_in.add(batch->size());
  metrics_.batches_in.add(1);
  input_ = std::move(batch);
  position_ = 0;
  next_mark_ = 0;
  target_ = input_->start;
  operator_context_->place_.ingested_ns = input_->ingested_ns;
  follow_input(*input_);
  // A batch of marks alone does not say whether the stream has event times.
  begin_output(input_->empty() ? operator_context_->place_.timed : input_->times.present());
  read_clock();
  batch_here_ = cold_.empty();
  begin_batch(*input_);
  work();
}

Progress ProcessStageBase::step() {
  Progress moved = drain();
  if (context().failed()) return moved;
  const bool waited = waiting_;
  if (!cold_.empty()) {
    if (step_cold()) moved = Progress::kAdvanced;
    if (context().failed()) return Progress::kDone;
    if (waiting_) return moved == Progress::kAdvanced ? moved : Progress::kBlocked;
  }
  if (ended_) return moved;
  if (!has_room()) return input_ && moved == Progress::kIdle ? Progress::kBlocked : moved;
  read_clock();
  TimerService* service = timers();
  // What was read for timers may have taken the last room: they fire all the same, or it would be read for ever.
  if (!input_ && !waited) {
    if (service == nullptr || !service->processing_time.has_due(keys_->now) || !states_have_room()) return moved;
    // What timers ask for may take all the room that there is each time: input is asked while there is some.
    if (std::exchange(input_is_next_, false)) return Progress::kAdvanced;
  }
  work();
  return Progress::kAdvanced;
}

bool ProcessStageBase::states_have_room() {
  bool room = true;
  for (ColdTableBase* cold : cold_) room = cold->has_room(barrier() < context().barrier) && room;
  return room;
}

// True if something was done.
bool ProcessStageBase::step_cold() {
  bool done = false;
  bool reading = false;
  for (ColdTableBase* cold : cold_) {
    done = (waiting_ ? cold->read() : cold->step()) || done;
    reading = reading || cold->reading();
    if (!cold->failure().ok()) {
      context().fail(cold->failure().at("stage '" + name() + "'"));
      return true;
    }
  }
  if (waiting_ && !reading) {
    for (ColdTableBase* cold : cold_) cold->done_waiting();
    waiting_ = false;
    return true;
  }
  if (!waiting_ && done) {
    // What was here may have left.
    batch_here_ = false;
    for (Keys& keys : due_here_) keys.clear();
  }
  return done;
}

Timestamp ProcessStageBase::deadline() {
  TimerService* service = timers();
  // Without room there is nothing to wake up for; whoever makes room wakes the shard.
  if (service == nullptr || ended_ || waiting_ || !has_room() || !states_have_room()) return kTimestampMax;
  return service->processing_time.next();
}

Progress ProcessStageBase::drain() {
  const Progress main = output()->drain();
  const Progress side = sides_.empty() ? Progress::kIdle : sides_.drain();
  return main == Progress::kAdvanced || side == Progress::kIdle ? main : side;
}

void ProcessStageBase::work() {
  if (TimerService* service = timers(); service != nullptr) {
    // A budget of its own: neither kind of timer may keep the other one, or the input, from going on.
    std::uint32_t budget = kTimersPerStep;
    if (!fire_due(service->processing_time, TimeDomain::kProcessingTime, keys_->now, budget) && context().failed()) {
      return;
    }
  }
  if (input_ && !waiting_) advance();
  if (context().failed()) return;
  if (!ended_) {
    finish_output(Control::kNone);
    forward_to_sides(operator_context_->place_.at, Control::kNone, operator_context_->place_.ingested_ns);
  }
  if (operator_context_->store_) operator_context_->store_->maintain();
}

void ProcessStageBase::advance() {
  std::uint32_t budget = kTimersPerStep;
  for (;;) {
    if (!cross(target_, budget)) return;
    const bool last = next_mark_ == input_->marks.size();
    const std::uint32_t to = last ? input_->size() : input_->marks[next_mark_].position;
    if (position_ < to) {
      if (!batch_here_) {
        waiting_ = !fetch_batch(*input_);
        batch_here_ = true;
        if (waiting_) return;
      }
      process_records(*input_, position_, to);
    }
    position_ = to;
    if (context().failed()) return;
    if (last) break;
    target_ = input_->marks[next_mark_++].at;
  }
  const Control control = input_->control;
  if (control == Control::kEnd) {
    set_time(last_time_);
    try {
      close_operator();
    } catch (const std::exception& error) {
      context().fail({ErrorCode::kUserFailure, "stage '" + name() + "': close threw: " + error.what()});
    } catch (...) {
      context().fail(
          {ErrorCode::kUserFailure, "stage '" + name() + "': close threw an exception that is not a std::exception"});
    }
    if (context().failed()) return;
    ended_ = true;
  }
  input_.reset();
  finish_output(control);
  forward_to_sides(operator_context_->place_.at, control, operator_context_->place_.ingested_ns);
  if (control == Control::kBarrier) reach_barrier();
}

bool ProcessStageBase::cross(const Watermarks& to, std::uint32_t& budget) {
  OperatorContext& operator_context = *operator_context_;
  if (to.merged > operator_context.watermark_) {
    operator_context.watermark_ = to.merged;
    crossing_ = true;
    if (to.merged != kTimestampMax) {
      last_time_ = to.merged;
      begin_output(true);  // the final watermark comes also where there are no event times, no other does
    }
  }
  if (crossing_) {
    const Timestamp watermark = operator_context.watermark_;
    TimerService* service = timers();
    if (service != nullptr && !fire_due(service->event_time, TimeDomain::kEventTime, watermark, budget)) return false;
    crossing_ = false;
    set_time(last_time_);
    protect([&] { tell_watermark(watermark); }, [&] { return "on_watermark(" + to_string(watermark) + ")"; });
    if (context().failed()) return false;
    metrics_.watermark_us.set(static_cast<std::uint64_t>(watermark.time_since_epoch().count()));
  }
  operator_context.place_.at = to;
  mark_output(to);
  return true;
}

bool ProcessStageBase::fire_due(TimerQueue& queue, TimeDomain domain, Timestamp limit, std::uint32_t& budget) {
  while (queue.has_due(limit)) {
    // Those that have become due since others were read for ask in the next step: else it would be their turn for ever.
    const bool may_ask = budget == kTimersPerStep;
    if (budget == 0 || !first_due_is_here(queue, domain, limit, may_ask)) return false;
    --budget;
    const bool popped = queue.pop(limit, due_);
    MILLSTREAM_ASSERT(popped);
    const Timer timer{due_.time, domain, due_.name};
    set_time(due_.time);
    protect([&] { fire(due_, timer); },
            [&] { return "on_timer('" + due_.name + "' at " + to_string(due_.time) + ")"; });
    if (context().failed()) return false;
  }
  return true;
}

bool ProcessStageBase::first_due_is_here(const TimerQueue& queue, TimeDomain domain, Timestamp limit, bool may_ask) {
  if (cold_.empty()) return true;
  Keys& here = due_here_[domain == TimeDomain::kEventTime ? 0 : 1];
  queue.due_keys(limit, 1, due_keys_);
  if (here.contains(std::string{due_keys_[0]})) return true;
  if (!may_ask) return false;
  queue.due_keys(limit, kTimersPerStep, due_keys_);
  here.clear();
  for (const std::string_view key : due_keys_) here.emplace(key);
  waiting_ = !mutant_is(Mutant::kTimersNotFetched) && !fetch_keys(due_keys_);
  input_is_next_ = input_is_next_ || waiting_;
  return !waiting_;
}

void ProcessStageBase::flush_sides() { operator_context_->side_buffers_.flush(); }

std::vector<StateDeclaration> ProcessStageBase::states() const {
  std::vector<StateDeclaration> all{{"watermark", schema_of<Timestamp>().to_string()}};
  if (state() != nullptr) state()->declare(all);
  return all;
}

void ProcessStageBase::save(Snapshot& snapshot) {
  SavedWatermark::save(0, operator_context_->watermark_, snapshot);
  if (operator_context_->store_) operator_context_->store_->save(1, snapshot);
}

Status ProcessStageBase::restore(const StateEntry& saved) {
  if (saved.state == 0) return saved_watermark_.restore(saved) ? Status{} : bad_entry(saved);
  StateEntry of_store = saved;
  --of_store.state;
  return operator_context_->store_->restore(of_store).at("stage '" + name() + "'");
}

void ProcessStageBase::end_restore() {
  if (operator_context_->store_) check(operator_context_->store_->end_restore());
  const Timestamp watermark = context().partly_restored ? kTimestampMin : saved_watermark_.value();
  operator_context_->watermark_ = watermark;
  if (watermark != kTimestampMax) last_time_ = watermark;
}

}  // namespace millstream::inline v0
