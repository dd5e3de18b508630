// What the demo says: the table that is redrawn on a terminal, and its reasons, which are in the words of its command
// line.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/pseudo_terminal.hpp"

extern char** environ;

namespace millstream {
namespace {

namespace fs = std::filesystem;

class FlightDelaysSpeaks : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path{testing::TempDir()} / ("flight_delays_speaks_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "output");
    write("flights.csv",
          "scheduled_at,delay_minutes,distance_miles,origin,destination\n"
          "2001-03-04T00:01:00Z,-6,111,TUL,OKC\n");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream{folder_ / name} << text; }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

  /// With `terminal` as its stdout and stderr; returns the child.
  static pid_t start(std::vector<std::string> arguments, int terminal) {
    arguments.insert(arguments.begin(), FLIGHT_DELAYS_PROGRAM);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, terminal, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, terminal, STDERR_FILENO);
    pid_t child = 0;
    EXPECT_EQ(::posix_spawn(&child, argv[0], &files, nullptr, argv.data(), environ), 0) << argv[0];
    posix_spawn_file_actions_destroy(&files);
    return child;
  }
  static int exit_code(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  struct Run {
    int exit_code;
    std::string text;
  };
  Run run(std::vector<std::string> arguments) const {
    const std::string to = path("said");
    const int file = ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const int code = exit_code(start(std::move(arguments), file));
    ::close(file);
    std::ostringstream text;
    text << std::ifstream{to}.rdbuf();
    return {code, text.str()};
  }

  fs::path folder_;
};

TEST_F(FlightDelaysSpeaks, ATerminalSeesTheTableRedrawn) {
  ::setenv("TERM", "xterm", 1);
  test::PseudoTerminal terminal{100, 50};
  const pid_t child = start({"--speed", "150000"}, terminal.terminal());
  const std::string text = terminal.read_to_end();
  EXPECT_EQ(exit_code(child), 0) << text;
  // Up by as many lines as it has, and what is below is cleared.
  std::size_t redrawn = 0;
  for (std::size_t at = 0; (at = text.find("A\x1b[J", at)) != text.npos; ++at) ++redrawn;
  EXPECT_GE(redrawn, 2U) << text;
  const std::size_t last = text.rfind("\x1b[J");
  ASSERT_NE(last, text.npos);
  EXPECT_TRUE(text.substr(last + 3).starts_with("The worst three hours of each airport")) << text.substr(last);
  EXPECT_NE(text.find("; complete up to 2001-03-0"), text.npos) << text;
  EXPECT_NE(text.substr(last).find("45,917 flights, 28 too late;"), text.npos) << text.substr(last);
}

TEST_F(FlightDelaysSpeaks, ATerminalThatIsTooSmallHasNoTableRedrawn) {
  ::setenv("TERM", "xterm", 1);
  test::PseudoTerminal terminal{60, 10};
  const pid_t child = start({"--input", path("flights.csv")}, terminal.terminal());
  const std::string text = terminal.read_to_end();
  EXPECT_EQ(exit_code(child), 0) << text;
  EXPECT_EQ(text.find("A\x1b[J"), text.npos) << text;
}

TEST_F(FlightDelaysSpeaks, InTheWordsOfItsCommandLine) {
  write("bad.csv",
        "scheduled_at,delay_minutes,distance_miles,origin,destination\n"
        "2001-03-04T00:01:00Z,-6,111,TUL,OKC\n"
        "2001-03-04T00:05:00Z,soon,1745,LAX,ORD\n");
  write("output/mine.txt", "mine\n");
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> says;
  };
  for (const Case& c : std::vector<Case>{
           {{"--input", path("bad.csv")},
            {"bad.csv", "3", "delay_minutes", "mend this line or remove it", "--input takes CSV files"}},
           {{"--output", path("output")}, {"holds files already", "remove them, or name an empty or new directory"}},
           {{"--late", path("output")}, {"holds files already", "--late takes a new or empty directory"}},
           {{"--output", path("bad.csv")}, {"is a file", "--output takes a new or empty directory"}},
           {{"--output", path("bad.csv/below")}, {"is a file", "--output takes a new or empty directory"}},
           {{"--output", "/proc/none"}, {"--output takes a new or empty directory"}},
       }) {
    const Run refused = run(c.arguments);
    EXPECT_EQ(refused.exit_code, 1) << refused.text;
    for (const std::string& part : c.says) EXPECT_NE(refused.text.find(part), std::string::npos) << refused.text;
    for (const char* theirs : {"kSkip", "kDeadLetter", "kKeep", "on_bad_record", ".existing", ".directory"}) {
      EXPECT_EQ(refused.text.find(theirs), std::string::npos) << refused.text;
    }
  }
  EXPECT_TRUE(fs::exists(path("output/mine.txt")));
}

TEST_F(FlightDelaysSpeaks, HiddenFilesAreNoOutput) {
  write("output/.gitignore", "*\n");
  const Run taken = run({"--input", path("flights.csv"), "--output", path("output")});
  EXPECT_EQ(taken.exit_code, 0) << taken.text;
  EXPECT_TRUE(fs::exists(path("output/.gitignore")));
  const auto files = std::count_if(fs::directory_iterator{path("output")}, {}, [](const fs::directory_entry& entry) {
    return !entry.path().filename().string().starts_with(".");
  });
  EXPECT_GE(files, 1);
  const Run again = run({"--input", path("flights.csv"), "--output", path("output")});
  EXPECT_EQ(again.exit_code, 1) << again.text;
  EXPECT_NE(run({"--help"}).text.find("start with . are no"), std::string::npos);
}

}  // namespace
}  // namespace millstream
