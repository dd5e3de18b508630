// A savepoint of a simulated job on a disk that refuses, or stops at, any one operation behind the moment when it was
// asked for: who asked hears of it once, there is a whole one or none, and the job loses and doubles nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "checkpoint/savepoint.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream {
namespace {

namespace kit = millstream::testing;

struct Number {
  std::uint64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Number, (), (value))

constexpr std::uint64_t kNumbers = 40;

struct Numbers {
  std::uint64_t next = 0;
  std::vector<Split> splits(SourceContext&) const { return {{"all"}}; }
  void open(SplitContext& c) { next = c.split().start.offset; }
  Poll poll(SourceOutput<Number>& out) {
    if (next < kNumbers) out.emit(Number{next++});
    return next == kNumbers ? Poll::done() : Poll::more();
  }
  [[nodiscard]] Position position() const { return {next, {}}; }
};

Dataflow copies() {
  Dataflow flow{"copies"};
  flow.from(Numbers{}).named("numbers").to(file::sink<Number>({.directory = "out"})).named("out");
  return flow;
}

std::vector<std::string> lines(const kit::MemoryFileSystem& files) {
  std::vector<std::string> all;
  for (const std::string& path : files.files()) {
    if (!path.starts_with("out/part")) continue;
    std::istringstream in{files.read_file(path)};
    for (std::string line; std::getline(in, line);) all.push_back(line);
  }
  return all;
}

struct Asked {
  int answers = 0;
  Status answer;
};

/// Until the job ends, however it does; `fault` comes when the savepoint is asked for.
kit::SimulationResult run_with(kit::MemoryFileSystem& files, bool stops, Asked& asked,
                               const std::function<void()>& fault) {
  bool done = false;
  const auto ask = [&](kit::Simulation& job) {
    if (job.status().records_in < 9 || std::exchange(done, true)) return;
    fault();
    const auto answer = [&asked](const Status& status) {
      ++asked.answers;
      asked.answer = status;
    };
    stops ? job.stop_with_savepoint("saved", answer) : job.savepoint("saved", answer);
  };
  return kit::Simulator{{.before_step = ask, .file_system = &files, .state_dir = "state"}}.run(copies());
}

void expect_the_rest(kit::MemoryFileSystem& files, const std::string& savepoint = "") {
  const auto rest =
      kit::Simulator{{.file_system = &files, .state_dir = "state", .from_savepoint = savepoint}}.run(copies());
  EXPECT_TRUE(rest.ok()) << rest.status.to_string();
}
void expect_each_once(const kit::MemoryFileSystem& files) {
  const std::vector<std::string> all = lines(files);
  EXPECT_EQ(all.size(), kNumbers);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), kNumbers);
}

TEST(SavepointFaults, ADiskThatRefusesCostsTheSavepointAndNothingElse) {
  for (const bool stops : {true, false}) {
    int refused = 0;
    bool beyond_the_end = false;
    for (std::uint64_t nth = 1; !beyond_the_end; ++nth) {
      SCOPED_TRACE((stops ? "stops, " : "goes on, ") + std::to_string(nth));
      kit::MemoryFileSystem files;
      Asked asked;
      std::uint64_t first = 0;
      const auto result = run_with(files, stops, asked, [&] {
        first = files.operations();
        files.fail_at(nth, ENOSPC);
      });
      beyond_the_end = files.operations() - first < nth;
      EXPECT_EQ(asked.answers, 1);
      refused += asked.answer.ok() ? 0 : 1;
      Random random{nth};
      files.restart(kit::Crash::kProcess, random);
      EXPECT_EQ(static_cast<bool>(open_savepoint(files, "saved")), asked.answer.ok()) << asked.answer.to_string();
      for (const std::string& path : files.files()) EXPECT_EQ(path.find(".saved"), path.npos) << path;
      if (result.ok() && !stops) expect_each_once(files);
      expect_the_rest(files);
      expect_each_once(files);
    }
    EXPECT_GT(refused, 10);
  }
}

TEST(SavepointFaults, AMachineThatStopsLeavesAWholeOneOrNone) {
  for (const bool stops : {true, false}) {
    int left = 0;
    bool beyond_the_end = false;
    for (std::uint64_t nth = 1; !beyond_the_end; ++nth) {
      SCOPED_TRACE((stops ? "stops, " : "goes on, ") + std::to_string(nth));
      kit::MemoryFileSystem files;
      Asked asked;
      static_cast<void>(run_with(files, stops, asked, [&] { files.stop_at(nth); }));
      beyond_the_end = !files.stopped();
      EXPECT_EQ(asked.answers, 1);
      Random random{nth};
      files.restart(kit::Crash::kPower, random);
      const bool there = *files.exists("saved");
      EXPECT_TRUE(there || !asked.answer.ok());
      if (there) {
        ++left;
        kit::MemoryFileSystem other;
        for (const std::string& path : files.files()) {
          if (path.starts_with("saved/")) other.write_file(path, files.read_file(path));
        }
        expect_the_rest(other, "saved");
      }
      expect_the_rest(files);
      expect_each_once(files);
    }
    EXPECT_GT(left, 1);
  }
}

}  // namespace
}  // namespace millstream
