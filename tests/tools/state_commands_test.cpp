// millstream state: list, get, scan, export, with keys and values that their schemas fit and some that they do not.
#include <sys/resource.h>

#include <algorithm>

#include "tools/tool.hpp"

namespace millstream::inline v0::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using StateCommands = ToolTest;

TEST_F(StateCommands, ListCountsEntries) {
  const ToolRun list = run("state list --json " + state());
  EXPECT_EQ(list.exit_code, 0) << list.errors;
  EXPECT_EQ(list.out,
            "{\"state\":\"spend/panes\",\"kind\":\"window\",\"entries\":3,\"schema\":\"string -> i64\"}\n"
            "{\"state\":\"spend/timers\",\"kind\":\"window\",\"entries\":0,\"schema\":\"struct{at: i64}\"}\n");
  EXPECT_THAT(run("state list " + state()).out, HasSubstr("spend/panes   window  3        string -> i64"));
}

TEST_F(StateCommands, PrintEntriesBySchemaOrAsHexadecimal) {
  const std::string lines =
      "{\"key\":\"cy\",\"value\":{\"hex\":\"3f\"}}\n"
      "{\"key\":\"ann\",\"value\":7}\n"
      "{\"key\":{\"hex\":\"ff\"},\"value\":1}\n";
  const ToolRun scan = run("state scan " + state() + " spend/panes");
  EXPECT_EQ(scan.exit_code, 0) << scan.errors;
  EXPECT_EQ(scan.out, lines);
  EXPECT_EQ(run("state scan --limit 1 " + state() + " spend/panes").out, lines.substr(0, lines.find('\n') + 1));
  EXPECT_THAT(run("state export " + state() + " spend/panes").out,
              HasSubstr("{\"state\":\"spend/panes\",\"key_group\":3,\"key\":\"ann\",\"value\":7}\n"));
}

TEST_F(StateCommands, AStateIsExportedWithoutHoldingIt) {
  constexpr int kKeys = 20'000;
  for (int i = 0; i < kKeys;) {  // not all at once, for a child begins with the memory of this process
    testing::Entries entries;
    for (int end = i + 1'000; i < end; ++i) entries[text("key " + std::to_string(i))] = std::string(10'000, 'v');
    checkpoint(entries, "\x03");
  }
  ASSERT_EQ(std::system((std::string{MILLSTREAM_PROGRAM} + " state export " + state() + " spend/panes >" +
                         (folder_ / "out") + " && wc -l <" + (folder_ / "out") + " >" + (folder_ / "lines"))
                            .c_str()),
            0);
  EXPECT_EQ(std::stoi(TemporaryFolder::read(folder_ / "lines")), kKeys + 3);
  const ToolRun scan = run("state scan --limit 2 " + state() + " spend/panes");
  EXPECT_EQ(std::ranges::count(scan.out, '\n'), 2) << scan.errors;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  rusage used{};
  ASSERT_EQ(getrusage(RUSAGE_CHILDREN, &used), 0);
  EXPECT_LT(used.ru_maxrss, 100 * 1'024) << "KiB, for 200 MB of values";
#endif
}

TEST_F(StateCommands, AnOutputThatCannotBeWrittenIsAnError) {
  testing::Entries entries;
  for (int i = 0; i < 200; ++i) entries[text("key " + std::to_string(i))] = std::string(10'000, 'v');
  checkpoint(entries, "\x03");
  const std::string command = std::string{MILLSTREAM_PROGRAM} + " state export " + state() +
                              " spend/panes >/dev/full 2>" + (folder_ / "errors");
  EXPECT_NE(std::system(command.c_str()), 0);
  EXPECT_EQ(TemporaryFolder::read(folder_ / "errors"),
            "millstream: cannot write the output: No space left on device\n");
}

TEST_F(StateCommands, GetFindsAKeyInAnySpelling) {
  const std::string get = "state get " + state() + " spend/panes ";
  EXPECT_EQ(run(get + "'\"\\u0061nn\"'").out, "{\"key\":\"ann\",\"value\":7}\n");
  EXPECT_EQ(run(get + "'{\"hex\": \"ff\"}'").out, "{\"key\":{\"hex\":\"ff\"},\"value\":1}\n");
  EXPECT_EQ(run(get + "--checkpoint 1 '\"bob\"'").out, "{\"key\":\"bob\",\"value\":6}\n");
  const ToolRun gone = run(get + "'\"bob\"'");
  EXPECT_EQ(gone.exit_code, 1);
  EXPECT_THAT(gone.errors, AllOf(HasSubstr("checkpoint 2"), HasSubstr("no key \"bob\""), HasSubstr("state scan")));
  const ToolRun unquoted = run(get + "bob");
  EXPECT_EQ(unquoted.exit_code, 2);
  EXPECT_THAT(unquoted.errors, HasSubstr("write a text with its quotes"));
}

TEST_F(StateCommands, ErrorsNameThePlaceAndTheNextStep) {
  const ToolRun wrong = run("state scan " + state() + " spend/pains");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.errors, HasSubstr("there is no state spend/pains; it has spend/panes, spend/timers"));
  EXPECT_EQ(run("state scan " + state()).exit_code, 2);
  EXPECT_EQ(run("state list --checkpoint 77 " + state()).exit_code, 1);
  damage(file(1, "-00000.segment"));
  const ToolRun damaged = run("state scan " + state() + " spend/panes");
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_THAT(damaged.errors, AllOf(HasSubstr("-00000.segment"), HasSubstr("checkpoint verify")));
}

}  // namespace
}  // namespace millstream::inline v0::testing
