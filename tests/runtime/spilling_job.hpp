// A job under the simulator whose tables may hold next to nothing, so that its state leaves memory and comes back all
// the time, and that is killed some times and goes on. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <string>

namespace millstream::spilling {

/// What is wrong with what the job gives out; empty where nothing is. `spilled_bytes` grows by what left memory.
std::string spill_and_compare(std::uint64_t seed, std::uint64_t& spilled_bytes);

/// A job whose checkpoints come only because its state waits for them, and whose first ones fail: what is wrong with
/// it.
std::string fail_ahead_of_time(std::uint64_t seed);

}  // namespace millstream::spilling
