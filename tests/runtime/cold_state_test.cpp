// State that need not fit in memory: a job whose tables may hold next to nothing gives out what one does that holds
// everything, whatever leaves memory when, wherever it is killed, and on however many shards it goes on.
#include <gtest/gtest.h>

#include "runtime/seeds.hpp"
#include "runtime/spilling_job.hpp"

namespace millstream {
namespace {

TEST(ColdState, JobsThatSpillGiveOutWhatOthersDo) {
  std::uint64_t spilled_bytes = 0;
  test::for_all_seeds("runtime_cold_state", 500,
                      [&](std::uint64_t seed) { return spilling::spill_and_compare(seed, spilled_bytes); });
  EXPECT_GT(spilled_bytes, 0U);
}

TEST(ColdState, CheckpointsAheadOfTheirTimeMayFail) {
  test::for_all_seeds("runtime_cold_state", 20, spilling::fail_ahead_of_time);
}

}  // namespace
}  // namespace millstream
