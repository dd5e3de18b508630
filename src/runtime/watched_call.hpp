// call_watched: a call into somebody else's code that may never come back. It is made on a thread of its own, which is
// left alone when its time is over; so whatever the call uses is kept alive by the call.
#pragma once

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include "millstream/core/clock.hpp"

namespace millstream::inline v0 {

/// What failures say of a decider's call.
inline constexpr std::string_view kStuckCall = "a call of the decider does not come back; its thread is left alone";

/// What call() returns or throws; nothing when that has not come after `limit`. Without a limit (the greatest value)
/// the call is made here.
template <class Call>
std::optional<std::invoke_result_t<Call>> call_watched(Clock& clock, std::chrono::nanoseconds limit, Call call) {
  if (limit == std::chrono::nanoseconds::max()) return call();
  constexpr std::chrono::nanoseconds kSleepMax = std::chrono::seconds{1};  // then a clock of the caller's is looked at
  const std::int64_t until_ns = monotonic_after(clock.monotonic_ns(), std::chrono::ceil<Duration>(limit));
  std::packaged_task<std::invoke_result_t<Call>()> task{std::move(call)};
  std::future<std::invoke_result_t<Call>> result = task.get_future();
  std::thread thread{std::move(task)};
  while (true) {
    const std::chrono::nanoseconds left{until_ns - clock.monotonic_ns()};
    if (result.wait_for(std::clamp(left, std::chrono::nanoseconds{0}, kSleepMax)) == std::future_status::ready) break;
    if (left.count() > 0) continue;
    thread.detach();
    return std::nullopt;
  }
  thread.join();  // what the call has used is gone with it
  return result.get();
}

}  // namespace millstream::inline v0
