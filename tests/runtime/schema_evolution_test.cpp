// Jobs that go on from the state of an earlier version of their program: with fields added and removed, with a migrate,
// and refused with the difference where neither will do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "connectors/temporary_folder.hpp"
#include "runtime/profiles.hpp"

namespace profiles {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SchemaEvolution : public ::testing::Test {
 protected:
  ms::testing::TemporaryFolder folder_;
  [[nodiscard]] std::string state() const { return folder_.path() + "/state"; }

  void SetUp() override {
    const ms::Status left = leave_state<V1>(state(), 2);
    ASSERT_TRUE(left.ok()) << left.to_string();
  }
  template <class P>
  std::string refusal(std::uint32_t shards = 1) {
    const auto lines = go_on<P>(state(), shards);
    return lines ? "not refused" : lines.error().message();
  }
};

TEST_F(SchemaEvolution, FieldsThatCameAndWentAreConverted) {
  std::mutex mutex;
  std::string said;
  const auto lines = go_on<V2>(state(), 3, [&](ms::LogLevel, std::string_view message) {
    const std::scoped_lock lock{mutex};
    said += std::string{message} + "\n";
  });
  ASSERT_TRUE(lines) << lines.error().message();
  EXPECT_EQ(*lines, answers("unknown/10", {"unknown/1", "unknown/2", "unknown/3", "unknown/4"}));
  EXPECT_THAT(said, HasSubstr("the state 'value' of the stage 'keep' was saved with another schema and is converted:\n"
                              "  - age: i32\n"
                              "  + country: string\n"));
  EXPECT_THAT(said, HasSubstr("the state 'map' of the stage 'keep' was saved with another schema and is converted:\n"
                              "  - [].age: i32\n"
                              "  + [].country: string\n"));
}

TEST_F(SchemaEvolution, TheSameVersionNeedsNothing) {
  const auto lines = go_on<V1>(state(), 2);
  ASSERT_TRUE(lines) << lines.error().message();
  EXPECT_EQ(*lines, answers("30/10", {"30/1", "30/2", "30/3", "30/4"}));
}

TEST_F(SchemaEvolution, AnotherTypeIsRefusedUntilThereIsAMigrate) {
  const std::string refused = refusal<Retyped>();
  EXPECT_THAT(refused, AllOf(HasSubstr("restoring checkpoint"),
                             HasSubstr("\nthe state 'value' of the stage 'keep':\n"
                                       "  - age: i32\n"
                                       "  ~ total: i64 -> string (needs a migrate)\n"),
                             HasSubstr("\nthe state 'slices' of the stage 'slices':\n"
                                       "  - profile.age: i32\n"
                                       "  ~ profile.total: i64 -> string (needs a migrate)\n"),
                             HasSubstr("write a millstream::Migration")));
  const auto lines = go_on<Migrated>(state(), 2);
  ASSERT_TRUE(lines) << lines.error().message();
  EXPECT_EQ(*lines, answers("was 10", {"was 1", "was 2", "was 3", "was 4"}));
}

TEST_F(SchemaEvolution, AMigrateThatThrowsKeepsTheJobFromStarting) {
  migrate_throws = true;
  const std::string refused = refusal<Migrated>();
  migrate_throws = false;
  EXPECT_THAT(refused,
              ::testing::ContainsRegex("an entry of the state '[a-z]+' of the stage '[a-z]+' in key group [0-9]+: "
                                       "migrate: threw: no way"));
  const auto lines = go_on<V1>(state(), 2);
  ASSERT_TRUE(lines) << "the state is not as it was: " << lines.error().message();
}

/// The key of a stage that has only that.
template <class Key>
ms::Dataflow counts_by(const Lines& out, bool hold) {
  ms::Dataflow flow{"profiles"};
  flow.from(Clicks{some_clicks(), hold})
      .named("clicks")
      .key_by([](const Click& click) { return static_cast<Key>(click.user); })
      .aggregate(ms::count())
      .named("counts")
      .map([](const auto& pane) { return std::to_string(pane.value); })
      .to(out);
  return flow;
}

TEST_F(SchemaEvolution, AnotherKeyIsRefused) {
  const Lines out = ms::memory::sink<std::string>();
  const std::string folder = folder_.path() + "/keys";
  ASSERT_TRUE(leave(folder, 1, counts_by<std::int64_t>(out, true)).ok());
  const ms::JobResult refused = ms::run(counts_by<std::int32_t>(out, false), Quiet{folder, 1});
  EXPECT_EQ(refused.status.code(), ms::ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.status.message(), HasSubstr("the state 'accumulators' of the stage 'counts':\n"
                                                  "  ~ key: i64 -> i32 (it decides equality, so it cannot change)"));
}

}  // namespace
}  // namespace profiles
