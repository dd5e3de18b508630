// millstream checkpoint: list, show, verify, diff, on folders that are intact, damaged, missing and in use.
#include <filesystem>

#include "checkpoint/savepoint.hpp"
#include "tools/tool.hpp"

namespace millstream::inline v0::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using CheckpointCommands = ToolTest;

TEST_F(CheckpointCommands, ListTellsCommittedFromPreparedWhileTheWriterHasTheFolder) {
  checkpoint({}, "\x03", false);
  const ToolRun list = run("checkpoint list " + state());
  EXPECT_EQ(list.exit_code, 0) << list.errors;
  EXPECT_THAT(list.out, AllOf(HasSubstr("ID  NONCE"), ContainsRegex("1 +0+63 +2023-11-14T22:13:20Z +committed "),
                              ContainsRegex("2 +0+63 .* committed "), ContainsRegex("3 +0+63 .* prepared ")));
  const ToolRun json = run("checkpoint list --json " + state());
  EXPECT_THAT(json.out, ContainsRegex("\"id\":3,\"status\":\"prepared\",\"nonce\":\"0+63\""));
}

TEST_F(CheckpointCommands, ShowTakesTheNewestCommittedOne) {
  const ToolRun shown = run("checkpoint show " + state());
  EXPECT_EQ(shown.exit_code, 0) << shown.errors;
  EXPECT_THAT(shown.out, AllOf(HasSubstr("checkpoint 2 (nonce 0000000000000063), committed"),
                               HasSubstr("spend/panes, number 0: string -> i64"), HasSubstr("payments/0: 02\n")));
  EXPECT_EQ(run("checkpoint show --json " + state() + " 1").out, manifest_json(*store_->manifest(1)) + "\n");
}

TEST_F(CheckpointCommands, VerifyNamesTheNewestIntactOne) {
  ToolRun verified = run("checkpoint verify " + state());
  EXPECT_EQ(verified.exit_code, 0) << verified.errors;
  EXPECT_THAT(verified.out, HasSubstr("newest intact: 2 (nonce 0000000000000063), committed"));
  damage(file(2, "-00000.segment"));
  verified = run("checkpoint verify " + state());
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.out, AllOf(HasSubstr("checkpoint 1, committed: intact"), HasSubstr("newest intact: 1 ")));
  EXPECT_THAT(verified.errors, AllOf(HasSubstr("-00000.segment: "), HasSubstr("accept checkpoint 1")));
  damage(file(1, ".manifest"));
  verified = run("checkpoint verify " + state() + " 1");
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.out, HasSubstr("newest intact: none"));
  EXPECT_EQ(run("checkpoint list " + state()).exit_code, 1);
}

TEST_F(CheckpointCommands, ASavepointIsReadAsAStateFolderIs) {
  const std::string savepoint = folder_ / "savepoint";
  Result<std::unique_ptr<SavepointWriter>> writer = SavepointWriter::begin(posix_file_system(), savepoint);
  ASSERT_TRUE(writer) << writer.error().to_string();
  const Manifest manifest = *store_->manifest(2);
  ASSERT_TRUE(store_->save_to(**writer, manifest).ok());
  ASSERT_TRUE((*writer)->finish(manifest, "").ok());
  std::filesystem::remove_all(state());
  EXPECT_THAT(run("checkpoint list " + savepoint).out, ContainsRegex("2 +0+63 .* committed "));
  const ToolRun shown = run("checkpoint show " + savepoint);
  EXPECT_EQ(shown.exit_code, 0) << shown.errors;
  EXPECT_THAT(shown.out, AllOf(HasSubstr("job card-spend ("), HasSubstr("no parent"), HasSubstr("payments/0: 02\n")));
  EXPECT_THAT(shown.out, ::testing::EndsWith("prepared output\n"));
  EXPECT_THAT(run("state get " + savepoint + " spend/panes '\"ann\"'").out, HasSubstr("7"));
  EXPECT_EQ(run("checkpoint verify " + savepoint).exit_code, 0);
  damage("savepoint/00000000000000000001-00000.segment");
  const ToolRun verified = run("checkpoint verify " + savepoint);
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.errors, HasSubstr("-00000.segment: "));
}

TEST_F(CheckpointCommands, DiffCountsEntries) {
  const ToolRun diff = run("checkpoint diff " + state() + " 1 2");
  EXPECT_EQ(diff.exit_code, 0) << diff.errors;
  EXPECT_THAT(diff.out, AllOf(HasSubstr("payments/0: 01 -> 02"), HasSubstr("own bytes\n  unchanged"),
                              HasSubstr("spend/panes: 1 added, 1 removed, 1 changed"),
                              HasSubstr("spend/timers: 0 added, 0 removed, 0 changed")));
}

TEST_F(CheckpointCommands, ErrorsNameThePlaceAndTheNextStep) {
  const ToolRun missing = run("checkpoint list " + state() + "/nowhere");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.errors, AllOf(HasSubstr("nowhere"), HasSubstr("give the state folder of a job")));
  for (const char* verb : {"show", "verify"}) {
    const ToolRun wrong = run(std::string{"checkpoint "} + verb + " " + state() + " 77");
    EXPECT_EQ(wrong.exit_code, 1);
    EXPECT_THAT(wrong.errors, AllOf(HasSubstr("there is no checkpoint 77"), HasSubstr("checkpoint list")));
  }
  EXPECT_EQ(run("checkpoint diff " + state() + " 1").exit_code, 2);
  EXPECT_EQ(run("checkpoint show " + state() + " seven").exit_code, 2);
  EXPECT_EQ(run("checkpoint").exit_code, 2);
}

TEST_F(CheckpointCommands, HelpHasExamplesOnEveryLevel) {
  for (const char* level :
       {"", "checkpoint ", "checkpoint list ", "checkpoint show ", "checkpoint verify ", "checkpoint diff ", "state ",
        "state list ", "state get ", "state scan ", "state export "}) {
    const ToolRun help = run(std::string{level} + "--help");
    EXPECT_EQ(help.exit_code, 0) << level;
    EXPECT_THAT(help.out, ContainsRegex("Examples?:")) << level;
  }
}

}  // namespace
}  // namespace millstream::inline v0::testing
