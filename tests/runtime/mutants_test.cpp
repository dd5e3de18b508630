// Whether the simulated crashes notice an engine that breaks one of its promises: each mutant is tried with one seed
// after the other until one shows it. A mutant that no seed shows is a hole in these tests.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "core/mutants.hpp"
#include "runtime/crashing_job.hpp"
#include "runtime/log_job.hpp"
#include "runtime/spilling_job.hpp"

namespace millstream {
namespace {

constexpr std::uint64_t kSeedsMax = 1000;    // the slowest to be noticed needs some hundred
constexpr rlim_t kSecondsMax = 240;          // of a core; a mutant may hang the job: then it counts as not noticed
constexpr std::size_t kTextBytesMax = 1000;  // of what was noticed

/// What the process with the mutant says, in memory that it shares with the test.
struct Report {
  std::uint64_t seed;
  char text[kTextBytesMax];
};

/// Those of the decision by a transaction break nothing for other jobs.
bool is_of_log(Mutant mutant) {
  return mutant >= Mutant::kReadBeforeFencing && mutant <= Mutant::kPositionsNotCompared;
}
std::string first_wrong_of_log(std::uint64_t seed) {
  std::string wrong = logjob::kill_and_compare(seed);
  return wrong.empty() ? logjob::interfere_and_compare(seed) : wrong;
}

bool is_of_cold_tier(Mutant mutant) { return mutant >= Mutant::kStoreNotTold; }

std::string first_wrong(std::uint64_t seed) {
  std::string wrong = crashing::kill_and_compare(seed);
  bool made = false;
  const bool also_from_savepoint = wrong.empty() && seed % 4 == 0;
  return also_from_savepoint ? crashing::start_from_savepoint_and_compare(seed, made) : wrong;
}

std::string wrong_with(Mutant mutant, std::uint64_t seed) {
  if (is_of_log(mutant)) return first_wrong_of_log(seed);
  std::uint64_t spilled_bytes = 0;
  return is_of_cold_tier(mutant) ? spilling::spill_and_compare(seed, spilled_bytes) : first_wrong(seed);
}

/// In a process of its own, for an assertion of the engine may be what notices.
int exit_status_with(Mutant mutant, Report& report) {
  const pid_t child = ::fork();
  if (child == 0) {
    const ::rlimit limit{kSecondsMax, kSecondsMax};
    ::setrlimit(RLIMIT_CPU, &limit);
    set_mutant(mutant);
    for (report.seed = 1; report.seed <= kSeedsMax; ++report.seed) {
      const std::string wrong = wrong_with(mutant, report.seed);
      if (wrong.empty()) continue;
      std::copy_n(wrong.data(), std::min(wrong.size(), kTextBytesMax - 1), report.text);
      ::_exit(0);
    }
    ::_exit(1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

class EachMutant : public ::testing::TestWithParam<MutantName> {};

TEST_P(EachMutant, IsNoticed) {
  void* shared = ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  Report& report = *static_cast<Report*>(shared);
  const int status = exit_status_with(GetParam().mutant, report);
  const bool asserted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  EXPECT_TRUE(asserted || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
      << GetParam().what << ": not noticed up to seed " << report.seed << ", status " << status;
  const std::string text = asserted ? "an assertion" : report.text;
  std::printf("  seed %d notices that %s: %s\n", static_cast<int>(report.seed), GetParam().what.data(),
              text.substr(0, text.find('\n')).c_str());
  ::munmap(shared, sizeof(Report));
}

INSTANTIATE_TEST_SUITE_P(Numbered, EachMutant, ::testing::ValuesIn(kMutants),
                         [](const auto& mutant) { return std::to_string(static_cast<int>(mutant.param.mutant)); });

TEST(Mutants, AreNumberedWithoutGaps) {
  int next = 1;
  for (const MutantName& each : kMutants) EXPECT_EQ(static_cast<int>(each.mutant), next++) << each.what;
}

TEST(Mutants, NoneLeavesTheJobAsItIs) {
  set_mutant(Mutant::kNone);
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    EXPECT_EQ(first_wrong(seed) + first_wrong_of_log(seed), "") << "seed " << seed;
}

}  // namespace
}  // namespace millstream
