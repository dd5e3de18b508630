// state: what durable and large keyed state costs.
//   state [--filter NAME] [--records N] ...     rows of a job that takes checkpoints beside the same job without
//   state rmw                                   keyed state beyond memory beside read-modify-write in RocksDB alone
//   state restart                               from the start of a job to its first result, with a large state
//   state memory                                that memory stays within its limit, whatever the state
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "state/checkpoint_rows.hpp"
#include "state/memory_check.hpp"
#include "state/restart_rows.hpp"
#ifdef MILLSTREAM_ROCKSDB
#include "state/rmw_rows.hpp"
#endif

namespace {

struct Common {
  std::string filter = {};
  std::string folder = (std::filesystem::temp_directory_path() / "millstream-state-benchmark").string();
  std::string json = {};
};

void add_common(CLI::App& app, Common& common, int* rounds) {
  if (rounds != nullptr) {
    app.add_option("--filter", common.filter, "Rows whose names contain it");
    app.add_option("--rounds", *rounds, "Interleaved rounds")->check(CLI::PositiveNumber)->capture_default_str();
  }
  app.add_option("--folder", common.folder, "State folder; it is removed before and after each run")
      ->capture_default_str();
  app.add_option("--json", common.json, "Writes the rows to this file, as a JSON array");
}

template <class Options>
Options with(Options options, const Common& common) {
  if constexpr (requires { options.filter; }) options.filter = common.filter;
  options.folder = common.folder;
  options.json = common.json;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"What checkpoints cost: a running sum of each of a million keys, with them and without"};
  app.require_subcommand(0, 1);
  Common common;

  state::CheckpointRows checkpoints;
  add_common(app, common, &checkpoints.rounds);
  app.add_option("--records", checkpoints.records, "Records of a run")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();

#ifdef MILLSTREAM_ROCKSDB
  state::RmwRows rmw;
  CLI::App& rmw_command = *app.add_subcommand(
      "rmw", "Count and sum of each key, in memory and RocksDB, beside read-modify-write in RocksDB alone");
  add_common(rmw_command, common, &rmw.rounds);
  rmw_command.add_option("--keys", rmw.keys, "Keys of the state")
      ->check(CLI::Range(1'000, 1'000'000'000))
      ->capture_default_str();
  rmw_command.add_option("--records", rmw.records, "Records of a run, behind those that build the state")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  rmw_command.add_option("--cache", rmw.cache_bytes, "The job's block cache; 0 = a quarter of its memory")
      ->transform(CLI::AsSizeValue(false));
#endif

  state::RestartRows restart;
  CLI::App& restart_command =
      *app.add_subcommand("restart", "Seconds from the start of a job to its first result, with a large state");
  add_common(restart_command, common, &restart.rounds);
  restart_command.add_option("--bytes", restart.bytes, "Of the state in memory")
      ->transform(CLI::AsSizeValue(true))
      ->capture_default_str();

  state::MemoryCheck memory;
  CLI::App& memory_command = *app.add_subcommand(
      "memory", "Ends with 1 where memory is more than a tenth above its limit, sampled while it runs");
  add_common(memory_command, common, nullptr);
  memory_command.add_option("--keys", memory.keys, "Keys of the state")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  memory_command.add_option("--passes", memory.passes, "Over all keys")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  memory_command.add_option("--records", memory.records, "Of all passes, where the last is to end early; 0 = all");
  memory_command.add_option("--memory", memory.memory_bytes, "The job's memory budget")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  memory_command.add_option("--allowed", memory.allowed_bytes, "What is checked; 0 = the budget")
      ->transform(CLI::AsSizeValue(false));
  memory_command.add_option("--shards", memory.shards, "Of the job")->check(CLI::Range(1, 64))->capture_default_str();
  memory_command.add_flag("--process", memory.process, "Counted by a process operator, not by aggregate");
  memory_command.add_flag("!--in-memory", memory.spills, "All state stays in memory, which the check must find");

  CLI11_PARSE(app, argc, argv);
  try {
#ifdef MILLSTREAM_ROCKSDB
    if (rmw_command.parsed()) return state::run_rmw_rows(with(rmw, common));
#endif
    if (restart_command.parsed()) return state::run_restart_rows(with(restart, common));
    if (memory_command.parsed()) return state::check_memory(with(memory, common));
    return state::run_checkpoint_rows(with(checkpoints, common));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
