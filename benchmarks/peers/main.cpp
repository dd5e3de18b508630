// peers_millstream: the works of the comparison with other engines, by Millstream and by hand, as a program that
// run.sh drives; README.md says how.
//   peers_millstream --system millstream|millstream_spin|hand --work WORK [--records N] [--warmup SECONDS]
//   [--checkpoint MS] peers_millstream --check [--work WORK] [--records N]     both give the same, with checkpoints and
//   without
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>

#include "peers/serve.hpp"
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

double seconds_since(std::chrono::steady_clock::time_point t) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
}

void serve_work(const Work& work, const Settings& settings) {
  const auto began = std::chrono::steady_clock::now();
  const Input input = make_input(work, settings.records);
  const double made_in = seconds_since(began);
  const Checkpoints checkpoints{std::chrono::milliseconds{settings.checkpoint_ms}, settings.folder};
  const auto idle =
      settings.system == "millstream_spin" ? millstream::IdleStrategy::kSpin : millstream::IdleStrategy::kPark;
  const bool by_hand = settings.system == "hand";
  serve({.version = by_hand ? "-" : PEERS_VERSION,
         .generate_seconds = made_in,
         .warmup_seconds = settings.warmup,
         .run = [&](const std::string&) {
           return by_hand ? run_by_hand(work, input) : run_by_millstream(work, input, checkpoints, idle);
         }});
}

bool check(const Work& work, const Settings& settings) {
  const Input input = make_input(work, settings.records);
  const Digest hand = run_by_hand(work, input).digest;
  const auto by_millstream = [&](const Checkpoints& checkpoints, millstream::IdleStrategy idle) {
    return run_by_millstream(work, input, checkpoints, idle).digest;
  };
  const Digest plain = by_millstream({}, millstream::IdleStrategy::kSpin);
  const Digest checkpointed = by_millstream({std::chrono::milliseconds{20}, settings.folder + "-" + work.name},
                                            millstream::IdleStrategy::kPark);
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
      ->check(CLI::IsMember({"millstream", "millstream_spin", "hand"}))
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
      serve_work(*named, settings);
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
