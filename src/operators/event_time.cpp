// Watermarks of the splits that one shard reads.
#include "millstream/operators/event_time.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/mutants.hpp"
#include "millstream/codec/codec.hpp"

namespace millstream::inline v0 {
namespace {

// A split is shown to the others each time that it has gone this part of the permitted drift: finer costs more looks at
// records, coarser lets a split run ahead, or holds it back, by as much as it is coarse.
constexpr int kShownPerDrift = 8;

}  // namespace

SplitMarker::SplitMarker(std::shared_ptr<SplitProgress> progress, std::vector<std::uint32_t> splits,
                         WatermarkStrategy strategy, Duration step)
    : progress_{std::move(progress)},
      strategy_{std::move(strategy)},
      index_(progress_->splits(), 0),
      step_{step},
      shown_step_{progress_->drift ? std::clamp(*progress_->drift / kShownPerDrift, Duration{1}, step) : step},
      merge_{static_cast<std::uint32_t>(splits.size())} {
  MILLSTREAM_ASSERT(step_.count() > 0);
  for (const std::uint32_t split : splits) {
    index_[split] = static_cast<std::uint32_t>(locals_.size());
    Local local;
    local.generator = strategy_.make_generator();
    local.split = split;
    locals_.push_back(std::move(local));
  }
}

// The others, on any shard, need not wait for it to get to where they are, nor it for them.
void SplitMarker::add(std::uint32_t split) {
  index_.resize(split + 1, 0);
  index_[split] = merge_.add_input();
  Local local;
  local.generator = strategy_.make_generator();
  local.split = split;
  local.watermark = merge_.value();
  local.shown = progress_->watermark(split);
  locals_.push_back(std::move(local));
  show(locals_.back(), locals_.back().watermark);
}

bool SplitMarker::observe(std::uint32_t split, Timestamp event_time, const void* record) {
  const std::uint32_t input = index_[split];
  Local& local = locals_[input];
  const Timestamp watermark = local.generator->observe(event_time, record);
  const Timestamp reached = floor_to(watermark, step_);
  // A generator of the user's may say more than its records do.
  const bool crossed = reached > local.watermark && reached != kTimestampMax;
  if (crossed) {
    local.watermark = reached;
    merge_.advance(input, reached);
  }
  if (watermark != kTimestampMax) show(local, floor_to(watermark, shown_step_));
  local.threshold = local.watermark == kTimestampMin
                        ? kTimestampMin
                        : local.generator->threshold(std::min(saturating_add(local.watermark, step_),
                                                              saturating_add(local.shown, shown_step_)));
  return crossed;
}

void SplitMarker::show(Local& local, Timestamp watermark) {
  if (watermark <= local.shown) return;
  local.shown = watermark;
  progress_->set_watermark(local.split, watermark);
}

Control SplitMarker::settle(std::uint32_t split, bool ended) {
  if (ended) {
    for (std::uint32_t input = 0; input < locals_.size(); ++input) take_state(input);
    return Control::kEnd;
  }
  take_state(index_[split]);
  if (merge_.all_idle() == idle_) return Control::kNone;
  idle_ = !idle_;
  return idle_ ? Control::kIdle : Control::kActive;
}

void SplitMarker::take_state(std::uint32_t input) {
  Local& local = locals_[input];
  const SplitState now = progress_->state(local.split);
  if (now == local.state) return;
  const SplitState before = std::exchange(local.state, now);
  switch (now) {
    case SplitState::kActive: {
      if (before != SplitState::kIdle) break;
      merge_.set_idle(input, false);
      // What comes from it now is judged by what the others reached meanwhile.
      local.watermark = std::max(local.watermark, merge_.value());
      // Nor need the others, on any shard, wait for it to get from where it was to where they are.
      const Timestamp others = progress_->slowest_beside(local.split);
      show(local, others == kTimestampMax ? local.watermark : std::max(local.watermark, others));
      break;
    }
    case SplitState::kWaiting:
      break;
    case SplitState::kIdle:
      merge_.set_idle(input, true);
      break;
    case SplitState::kFinished:
      local.watermark = kTimestampMax;
      merge_.advance(input, kTimestampMax);
      merge_.end(input);
      break;
    case SplitState::kStopped:
      merge_.end(input);
      break;
  }
}

void SplitMarker::save(Snapshot& snapshot) const {
  std::string bytes;
  for (const Local& local : locals_) {
    bytes.clear();
    {
      ByteWriter out{bytes};
      const bool idle = local.state == SplitState::kIdle;
      Codec<Timestamp>::encode(idle ? std::max(local.watermark, merge_.value()) : local.watermark, out);
      std::string generator;
      local.generator->save(generator);
      out.write_bytes(generator);
    }
    snapshot.put({0, kEveryShard, progress_->id(local.split), bytes});
  }
}

Status SplitMarker::restore(const StateEntry& entry) {
  if (mutant_is(Mutant::kWatermarkForgotten)) return {};
  for (std::uint32_t input = 0; input < locals_.size(); ++input) {
    Local& local = locals_[input];
    if (progress_->id(local.split) != entry.key) continue;
    ByteReader in{entry.value};
    Timestamp watermark;
    std::string_view generator;
    if (!Codec<Timestamp>::decode(in, watermark) || !in.read_view(in.remaining(), generator) ||
        !local.generator->load(generator)) {
      return {ErrorCode::kInvalidData, "the saved watermark of split '" + std::string{entry.key} + "' cannot be read"};
    }
    local.watermark = watermark;
    merge_.advance(input, watermark);
    if (watermark != kTimestampMax) show(local, watermark);
    // One that an earlier run has read to its end has ended here too, and is not taken for one that is merely far
    // ahead.
    if (progress_->state(local.split) == SplitState::kFinished) take_state(input);
    return {};
  }
  return {};
}

Status detail::source_gives_no_times(const std::string& stage) {
  return {
      ErrorCode::kInvalidArgument,
      "stage '" + stage +
          "': event_time(strategy) takes the times that the source gives, but this source gives none: name a field, "
          "event_time(&T::field, strategy)"};
}

}  // namespace millstream::inline v0
