// Jobs from a log to a log that are killed at any step of theirs, their disk's and their broker's, and go on with
// another number of shards: a reader of committed records sees each result once.
#include <gtest/gtest.h>

#include <cstdlib>

#include "runtime/log_job.hpp"

namespace millstream {
namespace {

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

template <class Compare>
void for_all_seeds(Compare compare, std::uint64_t otherwise) {
  const std::uint64_t first = environment("MILLSTREAM_SEED", 1);
  const std::uint64_t seeds =
      std::getenv("MILLSTREAM_SEED") != nullptr ? 1 : environment("MILLSTREAM_SEEDS", otherwise);
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    ASSERT_EQ(compare(seed), "") << "MILLSTREAM_SEED=" << seed << " runtime_log_job shows it again";
  }
}

TEST(LogJob, GivesOutEachResultOnceWhateverDies) { for_all_seeds(logjob::kill_and_compare, 2000); }
TEST(LogJob, SeesWhateverElseHappensBetweenTwoLives) { for_all_seeds(logjob::interfere_and_compare, 200); }

}  // namespace
}  // namespace millstream
