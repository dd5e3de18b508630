// The sustainable throughput of a pipeline.
#pragma once

#include "latency/settings.hpp"

namespace latency {

/// A rate is sustained when, in one of two tries, the p99 is at most this, and so is the delay of the last record: a
/// backlog that grows by more than this in the measured time is found by both.
inline constexpr std::chrono::milliseconds kSustainedDelay{10};
/// The search ends when the least rate that was not sustained is at most so many times the greatest one that was.
inline constexpr double kSweepPrecision = 1.05;

/// The greatest sustained rate: doubled until one is not, then bisected. Prints each try. Throws where even the first
/// rate is not sustained, or results are wrong.
[[nodiscard]] double find_sustainable(Settings settings);

}  // namespace latency
