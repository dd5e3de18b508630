// A job in a process of its own that is killed with SIGKILL, at random times and at each kill point, and started again
// on other numbers of shards with other batches: what it has published in the end is what a plain program gives for the
// same input, and at no time is there anything twice.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <sstream>
#include <stdexcept>

#include "core/kill_points.hpp"
#include "crash/model.hpp"
#include "crash/process.hpp"
#include "crash/victim.hpp"

namespace millstream::crash {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kKillsPerRun = 8;
constexpr std::size_t kPointsPerRun = 2;  // with seeds in a row each point has its turn in the first dozen runs
constexpr auto kLifeMax = 120s;           // far more than a run takes under a sanitizer on a machine that is busy

/// One job from its start to its end, with kills before. Throws what is wrong.
class Run {
 public:
  Run(fs::path folder, std::uint64_t seed)
      : folder_{std::move(folder)}, seed_{seed}, random_{static_cast<std::minstd_rand::result_type>(seed + 1)} {
    fs::remove_all(folder_);
    expected_ = write_input(folder_, seed);
  }

  /// The kills that came while the job was running; at most `kills_max`.
  int go(int kills_max) {
    int kills = 0;
    const int wanted = std::min(kKillsPerRun, kills_max);
    for (std::size_t i = 0; kHasKillPoints && i < kPointsPerRun && kills < wanted; ++i) {
      kill_at(kKillPoints[(seed_ * kPointsPerRun + i) % std::size(kKillPoints)]);
      ++kills;
    }
    while (kills < wanted && !kill_at_random_time()) ++kills;
    end_well("the last life");
    expect("", beyond(expected_, lines_seen(folder_)), "missing in the end:\n");
    expect_no_leftovers();
    end_well("once more on what has ended");
    return kills;
  }

 private:
  Child start(const std::string& kill_at, bool savepoint) {
    constexpr int kShards[] = {1, 4, 2, 8};
    constexpr int kBatches[] = {1024, 50, 7};
    ++lives_;
    std::vector<std::string> arguments{"--victim", folder_,
                                       "--shards", std::to_string(kShards[lives_ % std::size(kShards)]),
                                       "--batch",  std::to_string(kBatches[random_() % std::size(kBatches)])};
    if (savepoint) arguments.insert(arguments.end(), {"--savepoint", "savepoint" + std::to_string(lives_)});
    std::vector<std::string> variables;
    if (!kill_at.empty()) variables.push_back("MILLSTREAM_KILL_AT=" + kill_at);
    return Child{{.arguments = std::move(arguments), .variables = std::move(variables), .log = folder_ / "log"}};
  }

  void kill_at(std::string_view point) {
    // Only some are come by again and again in a job that is early in its input.
    const bool often = point.starts_with("segment") || point.starts_with("manifest") || point.starts_with("decision") ||
                       point.starts_with("sinks");
    const std::string at = std::string{point} + ":" + std::to_string(often ? 1 + random_() % 3 : 1);
    Child child = start(at, point.starts_with("savepoint"));
    const auto ended = child.wait_for(kLifeMax);
    expect(at, !ended ? "it hangs" : ended->signal != SIGKILL ? "it is never reached" : "", "kill point: ");
    expect_nothing_twice();
  }

  /// Whether the job came to its end before.
  bool kill_at_random_time() {
    Child child = start("", random_() % 4 == 0);
    const auto ended = child.wait_for(std::chrono::milliseconds{random_() % 200});
    if (ended) {
      expect_good(*ended, "a life before the last");
      return true;
    }
    child.kill();
    static_cast<void>(child.wait_for(kLifeMax));
    expect_nothing_twice();
    return false;
  }

  void end_well(const std::string& what) {
    Child child = start("", false);
    const auto ended = child.wait_for(kLifeMax);
    expect(what, ended ? "" : "it hangs", "");
    expect_good(*ended, what);
    expect_nothing_twice();
  }

  void expect_good(const Ended& ended, const std::string& what) {
    if (ended.exit_code == 0 && ended.signal == 0) return;
    std::ostringstream log;
    log << std::ifstream{folder_ / "log"}.rdbuf();
    expect(
        what,
        "exit code " + std::to_string(ended.exit_code) + ", signal " + std::to_string(ended.signal) + "\n" + log.str(),
        "");
  }
  void expect_nothing_twice() {
    expect("", beyond(lines_seen(folder_), expected_), "published, and not expected or too often:\n");
  }
  void expect_no_leftovers() {
    for (const auto& entry : fs::recursive_directory_iterator{folder_ / "output"}) {
      if (entry.path().filename().string().starts_with('.')) expect("", entry.path(), "left behind: ");
    }
  }
  void expect(const std::string& where, const std::string& wrong, const std::string& what) const {
    if (wrong.empty()) return;
    throw std::runtime_error{"life " + std::to_string(lives_) + ": " + where + (where.empty() ? "" : ": ") + what +
                             wrong};
  }

  fs::path folder_;
  std::uint64_t seed_;
  std::minstd_rand random_;
  std::vector<std::string> expected_;
  std::size_t lives_ = 0;
};

int kill_all(const std::string& program, int kills, std::uint64_t seed) {
  const fs::path folder = fs::temp_directory_path() / ("millstream_crash_" + std::to_string(::getpid()));
  int done = 0;
  std::uint64_t runs = 0;
  for (; done < kills; ++runs, ++seed) {
    const int left = kills - done;
    try {
      done += Run{folder, seed}.go(left);
    } catch (const std::exception& wrong) {
      std::cerr << wrong.what() << "\nagain: " << program << " --seed " << seed << " --kills "
                << std::min(left, kKillsPerRun) << "\n(times differ from run to run; what is there is in " << folder
                << ")\n";
      return 1;
    }
  }
  fs::remove_all(folder);
  std::cout << done << " kills in " << runs << " runs, all output there once\n";
  return 0;
}

}  // namespace
}  // namespace millstream::crash

int main(int argc, char** argv) {
  CLI::App app{"Kills a job again and again, and compares what it has published with a plain model"};
  int kills = 100;
  std::uint64_t seed = 1;
  millstream::crash::VictimOptions victim;
  app.add_option("--kills", kills, "How many, at the least")->envname("MILLSTREAM_SEEDS")->capture_default_str();
  app.add_option("--seed", seed, "Of the first run; each run of 8 kills has the next one")->capture_default_str();
  app.add_option("--victim", victim.folder, "Be the job that is killed, on the input in this folder");
  app.add_option("--shards", victim.shards, "Of the victim")->capture_default_str();
  app.add_option("--batch", victim.batch, "Of the victim")->capture_default_str();
  app.add_option("--savepoint", victim.savepoint, "Folder below the victim's in which it makes a savepoint");
  CLI11_PARSE(app, argc, argv);
  if (!victim.folder.empty()) return millstream::crash::run_victim(victim);
  return millstream::crash::kill_all(argv[0], kills, seed);
}
