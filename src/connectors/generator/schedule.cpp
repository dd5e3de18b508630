// Which records a generator's split emits, and when.
#include <algorithm>
#include <cmath>

#include "millstream/connectors/generator/source.hpp"

namespace millstream::inline v0::generator::detail {
namespace {

// Records that are due within this of each other are polled together ...
constexpr double kTogetherMinNs = 100'000;
// ... or within this share of their lateness: their latency is overstated by at most as much.
constexpr double kTogetherShare = 1.0 / 16;

}  // namespace

Status Schedule::check(bool has_make) const {
  if (!has_make) return {ErrorCode::kInvalidArgument, "generator: .make is missing"};
  if (splits_ == 0) return {ErrorCode::kInvalidArgument, "generator: .splits must be at least 1"};
  if (!std::isfinite(rate_) || rate_ < 0) {
    return {ErrorCode::kInvalidArgument, "generator: .rate must be a number of records a second, or 0 for no limit"};
  }
  return {};
}

std::vector<Split> Schedule::splits() const {
  std::vector<Split> all;
  for (std::uint32_t i = 0; i < splits_; ++i) all.push_back({std::to_string(i), {}});
  return all;
}

Status Schedule::open(SplitContext& context) {
  first_ = 0;
  while (first_ < splits_ && std::to_string(first_) != context.split().id) ++first_;
  if (first_ == splits_) return {ErrorCode::kNotFound, "generator: there is no split '" + context.split().id + "'"};
  end_ = first_ < count_ ? (count_ - first_ - 1) / splits_ + 1 : 0;
  done_ = context.split().start.offset;
  if (done_ > end_) {
    return {ErrorCode::kInvalidData, "generator: split " + context.split().id + " has " + std::to_string(end_) +
                                         " records, but shall start at " + std::to_string(done_)};
  }
  clock_ = &context.clock();
  start_ns_ = clock_->monotonic_ns();
  start_ = clock_->now();
  // A replay paces what it still has to emit, it does not rush through what was due while the job was down.
  begin_number_ = done_ * splits_;
  return {};
}

double Schedule::nanoseconds_to(std::uint64_t number) const {
  return static_cast<double>(number - begin_number_) * 1e9 / rate_;
}

std::size_t Schedule::due(std::size_t room) {
  const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(room, end_ - done_));
  times_.clear();
  if (rate_ == 0) return left;
  const auto elapsed = static_cast<double>(clock_->monotonic_ns() - start_ns_);
  const double first = nanoseconds_to(next());
  due_at_ns_ = start_ns_ + static_cast<std::int64_t>(first);
  // What is polled together counts its latency from one instant.
  const double last = std::min(elapsed, first + std::max(kTogetherMinNs, (elapsed - first) * kTogetherShare));
  for (std::uint64_t number = next(); times_.size() < left; number += splits_) {
    const double after = nanoseconds_to(number);
    if (after > last) break;
    times_.push_back(saturating_add(start_, Duration{static_cast<std::int64_t>(after / 1000)}));
  }
  return times_.size();
}

Poll Schedule::advance(std::size_t emitted) {
  done_ += emitted;
  if (done_ == end_) return Poll::done();
  if (rate_ == 0) return Poll::more();
  const double wait_ns = nanoseconds_to(next()) - static_cast<double>(clock_->monotonic_ns() - start_ns_);
  if (wait_ns <= 0) return Poll::more();
  // Far ahead is as good as never; the cast below must not overflow.
  constexpr double kFarUs = 1e15;
  return Poll::idle_until(
      saturating_add(clock_->now(), Duration{static_cast<std::int64_t>(std::min(std::ceil(wait_ns / 1000), kFarUs))}));
}

}  // namespace millstream::inline v0::generator::detail
