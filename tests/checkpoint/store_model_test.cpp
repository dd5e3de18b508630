// Random lives of a store on a disk that fails and crashes: every recovery gives exactly the newest decided checkpoint,
// byte for byte, or a typed error. MILLSTREAM_SEEDS says how many seeds, MILLSTREAM_SEED runs one alone.
#include "checkpoint/store_model.hpp"

#include <gtest/gtest.h>

#include "runtime/seeds.hpp"

namespace millstream::inline v0::testing {
namespace {

DiskFaults faults_of(std::uint64_t seed) {
  switch (seed % 4) {
    case 0:
      return {};
    case 1:
      return {.any = 0.01, .sync = 0.03};
    case 2:
      return {.sync = 0.02, .no_space = 0.03, .read = 0.005};
    default:
      return {.any = 0.002, .read = 0.01, .bit_flip = 0.02, .short_read = 0.01};
  }
}

// Returns the lives that ended in a crash of the machine or program.
int run(std::uint64_t seed) {
  Random random{seed};
  MemoryFileSystem files;
  StoreModel model{files, random};
  const DiskFaults faults = faults_of(seed);
  const bool reading_fails = faults.bit_flip > 0;
  // A new folder whose way cannot be synced is the user's to remove, which nobody does here.
  if (faults.any + faults.sync > 0) files.write_file("job/state/readme", "not ours");
  int crashes = 0;
  for (int life = 0; life < 8 && !::testing::Test::HasFailure(); ++life) {
    files.fail_randomly(random(), faults);
    if (random.chance(0.8)) files.stop_at(1 + random.below(random.chance(0.5) ? 60 : 600));
    if (model.start(reading_fails)) {
      for (std::uint64_t epochs = random.below(25); epochs > 0 && model.epoch(); --epochs) {
      }
    }
    // Sometimes the process goes on and opens its store again.
    if (!files.stopped() && random.chance(0.3)) continue;
    crashes += files.stopped() ? 1 : 0;
    files.restart(random.chance(0.4) ? Crash::kProcess : Crash::kPower, random);
  }
  model.end();
  files.restart(Crash::kProcess, random);
  EXPECT_TRUE(model.start(false) && model.epoch()) << "on a good disk";
  return crashes;
}

TEST(StoreModel, EveryRecoveryFindsExactlyTheNewestDecidedCheckpoint) {
  const auto [first, seeds] = test::seeds_to_run(2000);
  int crashes = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    crashes += run(seed);
    ASSERT_FALSE(HasFailure()) << "MILLSTREAM_SEED=" << seed << " checkpoint_store_model shows it again";
  }
  EXPECT_GE(crashes, static_cast<int>(seeds > 100 ? seeds : 0));
}

// The same short life, crashed at each of its file operations in turn.
TEST(StoreModel, ACrashAtEveryOperationOfALife) {
  for (const Crash crash : {Crash::kProcess, Crash::kPower}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      bool finished = false;
      for (std::uint64_t nth = 1; !finished; ++nth) {
        Random random{seed};
        MemoryFileSystem files;
        StoreModel model{files, random};
        files.stop_at(nth);
        if (model.start(false)) {
          for (int epochs = 0; epochs < 6 && model.epoch(); ++epochs) {
          }
        }
        finished = !files.stopped();
        Random losses{nth};
        files.restart(crash, losses);
        EXPECT_TRUE(model.start(false) && model.epoch());
        ASSERT_FALSE(HasFailure()) << "seed " << seed << ", operation " << nth;
      }
    }
  }
}

}  // namespace
}  // namespace millstream::inline v0::testing
