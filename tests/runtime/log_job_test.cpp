// Jobs from a log to a log that are killed at any step of theirs, their disk's and their broker's, and go on with
// another number of shards: a reader of committed records sees each result once.
#include <gtest/gtest.h>

#include "runtime/log_job.hpp"
#include "runtime/seeds.hpp"

namespace millstream {
namespace {

TEST(LogJob, GivesOutEachResultOnceWhateverDies) {
  test::for_all_seeds("runtime_log_job", 2000, logjob::kill_and_compare);
}
TEST(LogJob, SeesWhateverElseHappensBetweenTwoLives) {
  test::for_all_seeds("runtime_log_job", 200, logjob::interfere_and_compare);
}

}  // namespace
}  // namespace millstream
