// peers_millstream: the works of the comparison with other engines, by Millstream and by hand, as a program that
// run.sh drives; README.md says how.
//   peers_millstream --system millstream|hand --work WORK [--records N] [--warmup SECONDS] [--checkpoint MS]
//   peers_millstream --check [--work WORK] [--records N]     both give the same, with checkpoints and without
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "peers/work.hpp"

namespace {

using namespace peers;

struct Settings {
  std::string system = "millstream";
  std::string work;
  std::size_t records = 1'000'000;
  double warmup = 0;
  std::int64_t checkpoint_ms = 0;
  std::string folder = (std::filesystem::temp_directory_path() / "millstream-peers").string();
  bool check = false;
};

// The most that this process has had in memory.
std::uint64_t peak_bytes() {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  while (status >> word) {
    std::uint64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

double seconds_since(std::chrono::steady_clock::time_point t) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
}

void serve(const Work& work, const Settings& settings) {
  const auto began = std::chrono::steady_clock::now();
  const Input input = make_input(work, settings.records);
  const double made_in = seconds_since(began);
  const Checkpoints checkpoints{std::chrono::milliseconds{settings.checkpoint_ms}, settings.folder};
  const auto run = [&] {
    return settings.system == "hand" ? run_by_hand(work, input) : run_by_millstream(work, input, checkpoints);
  };
  const auto warm = std::chrono::steady_clock::now();
  do {
    (void)run();
  } while (seconds_since(warm) < settings.warmup);
  std::printf("ready %s %.6f\n", settings.system == "hand" ? "-" : PEERS_VERSION, made_in);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line) && line == "run";) {
    const Outcome outcome = run();
    std::printf("result %.6f %.6f %.6f %llu %llu %llu\n", outcome.seconds, outcome.cpu_seconds,
                outcome.first_result_seconds, static_cast<unsigned long long>(peak_bytes()),
                static_cast<unsigned long long>(outcome.digest.results),
                static_cast<unsigned long long>(outcome.digest.sum));
    std::fflush(stdout);
  }
}

bool check(const Work& work, const Settings& settings) {
  const Input input = make_input(work, settings.records);
  const Digest hand = run_by_hand(work, input).digest;
  const Digest plain = run_by_millstream(work, input, {}).digest;
  const Digest checkpointed =
      run_by_millstream(work, input, {std::chrono::milliseconds{20}, settings.folder + "-" + work.name}).digest;
  const bool equal = hand.results > 0 && plain == hand && checkpointed == hand;
  std::printf("%-14s %10llu results, sum %llu: %s\n", work.name, static_cast<unsigned long long>(hand.results),
              static_cast<unsigned long long>(hand.sum), equal ? "equal" : "DIFFERENT");
  return equal;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{"The works of the comparison with other engines, by Millstream and by hand"};
  app.add_option("--system", settings.system, "Who does the work")
      ->check(CLI::IsMember({"millstream", "hand"}))
      ->capture_default_str();
  app.add_option("--work", settings.work, "Its name; --check does all of them without it");
  app.add_option("--records", settings.records, "Records of a run")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--warmup", settings.warmup, "Seconds of runs that do not count; at least one run")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--checkpoint", settings.checkpoint_ms, "Milliseconds between checkpoints; 0 = none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--folder", settings.folder, "State folder; removed before and after each run")->capture_default_str();
  app.add_flag("--check", settings.check, "Only compares the results; ends with 1 where they differ");
  CLI11_PARSE(app, argc, argv);
  const auto* named = std::ranges::find_if(kWorks, [&](const Work& work) { return settings.work == work.name; });
  if (named == std::end(kWorks) && !(settings.check && settings.work.empty())) {
    std::fprintf(stderr, "peers_millstream: there is no work '%s'\n", settings.work.c_str());
    return 2;
  }
  try {
    if (!settings.check) {
      serve(*named, settings);
      return 0;
    }
    bool equal = true;
    for (const Work& work : kWorks) {
      if (named == std::end(kWorks) || named == &work) equal &= check(work, settings);
    }
    return equal ? 0 : 1;
  } catch (const std::exception& error) {
    std::printf("error %s\n", error.what());
    return 1;
  }
}
