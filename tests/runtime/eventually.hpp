// Waiting in the tests of jobs on threads: for what happens, never for a time in which it should have happened.
#pragma once

#include <chrono>
#include <thread>

#include "millstream/runtime/job.hpp"

namespace millstream::test {

using namespace std::chrono_literals;

/// True as soon as `condition` holds; gives up after `limit`.
template <class Condition>
bool eventually(Condition&& condition, std::chrono::milliseconds limit = 20s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

/// The job has read records and has not ended, so what is asked of it now happens in its middle.
inline bool under_way(const Job& job) {
  return eventually([&] { return job.status().records_in > 0; }) && job.status().state == JobState::kRunning;
}

}  // namespace millstream::test
