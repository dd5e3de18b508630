// A state folder that a job once left, with every kind of keyed state and window, must go on being one that a job goes
// on from: as it was, with its type in a later version, and by a migrate. With MILLSTREAM_WRITE_GOLDEN set the folder
// is written anew; what changed then shows in the version control.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "connectors/temporary_folder.hpp"
#include "runtime/profiles.hpp"

namespace profiles {
namespace {

const std::string kGolden = MILLSTREAM_GOLDEN_FOLDER "/state-1";

class GoldenState : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::getenv("MILLSTREAM_WRITE_GOLDEN") == nullptr) return;
    std::filesystem::remove_all(kGolden);
    const ms::Status left = leave_state<V1>(kGolden, 2);
    ASSERT_TRUE(left.ok()) << left.to_string();
    std::filesystem::remove(kGolden + "/LOCK");  // names a process
  }
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(kGolden + "/COMMITTED"));
    std::filesystem::copy(kGolden, state());
    // A version control keeps no modes.
    std::filesystem::permissions(state(), std::filesystem::perms::owner_all);
  }
  [[nodiscard]] std::string state() const { return folder_.path() + "/state"; }
  template <class P>
  void expect(const std::string& sum, const std::vector<std::string>& amounts, std::uint32_t shards) {
    const auto lines = go_on<P>(state(), shards);
    ASSERT_TRUE(lines) << lines.error().message();
    EXPECT_EQ(*lines, answers(sum, amounts));
  }

  ms::testing::TemporaryFolder folder_;
};

TEST_F(GoldenState, IsReadAsItWas) { expect<V1>("30/10", {"30/1", "30/2", "30/3", "30/4"}, 3); }

TEST_F(GoldenState, IsReadAsALaterVersion) {
  expect<V2>("unknown/10", {"unknown/1", "unknown/2", "unknown/3", "unknown/4"}, 1);
}

TEST_F(GoldenState, IsReadThroughAMigrate) { expect<Migrated>("was 10", {"was 1", "was 2", "was 3", "was 4"}, 2); }

// What is written today has the schemas of then, so that a change of the engine's own structs is one of the format.
TEST_F(GoldenState, HasTheSchemasOfToday) {
  std::string said;
  ASSERT_TRUE(go_on<V1>(state(), 1, [&](ms::LogLevel, std::string_view message) { said += message; }));
  EXPECT_EQ(said.find("another schema"), said.npos) << said;
}

}  // namespace
}  // namespace profiles
