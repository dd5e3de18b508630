#include "nexmark/run.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "cpu_seconds.hpp"
#include "millstream/stream/dataflow.hpp"
#include "nexmark/source.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kLookEvery = 50ms;  // at the state folder, while the job runs

// Files come and go meanwhile.
std::uint64_t bytes_in(const std::string& folder) {
  std::uint64_t sum = 0;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry{folder, error};
  for (; !error && entry != std::filesystem::recursive_directory_iterator{}; entry.increment(error)) {
    std::error_code gone;
    const std::uint64_t bytes = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
    if (!gone) sum += bytes;
  }
  return sum;
}

// Linux counts the peak from here on.
void forget_peak() {
  malloc_trim(0);
  std::ofstream{"/proc/self/clear_refs"} << "5";
}
std::uint64_t peak_rss() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

WorkFolder::WorkFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "millstream-nexmark-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no folder can be made in the temporary one: " + name};
  path_ = name;
}
WorkFolder::~WorkFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ms::RunOptions run_options(const RunSettings& settings, const WorkFolder& folder) {
  const auto memory =
      static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  ms::RunOptions options{
      .shards = settings.shards, .memory = std::make_shared<ms::MemoryBudget>(memory), .log = nullptr};
  if (settings.checkpoint > 0ns) {
    options.state_dir = folder.state();
    options.checkpoint.interval = settings.checkpoint;
    options.state = settings.state;
  }
  return options;
}

Run run_query(const Query& query, const Input& input, const RunSettings& settings, std::ostream* lines) {
  const WorkFolder folder;
  const auto results = std::make_shared<Results>(lines);
  ms::Dataflow flow{query.name};
  query.declare(flow.from(EventSource{{.input = input, .split_count = settings.shards}}),
                Outlet{results, folder.output()});
  const ms::RunOptions options = run_options(settings, folder);
  forget_peak();
  Run run;
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  ms::Job job = ms::start(flow, options);
  while (!job.wait_for(kLookEvery)) {
    if (!options.state_dir.empty()) run.state_bytes = std::max(run.state_bytes, bytes_in(options.state_dir));
  }
  const ms::JobResult done = job.wait();
  run.seconds = since(start);
  run.cpu_seconds = cpu_seconds() - cpu;
  run.rss_peak = peak_rss();
  if (!done.ok()) throw std::runtime_error{std::string{query.name} + ": " + done.status.to_string()};
  run.checkpoints = job.status().checkpoints;
  if (!options.state_dir.empty()) run.state_bytes = std::max(run.state_bytes, bytes_in(options.state_dir));
  if (query.collect != nullptr) query.collect(folder.output(), *results);
  run.digest = results->digest();
  return run;
}

Run run_generator(const Input& input) {
  forget_peak();
  Run run;
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  for (std::uint64_t n = 0; n < input.events; ++n) {
    const Event event = input.generator->event(n);
    run.digest.results += event.index() == 2 ? 1 : 0;  // so that it cannot be left out
  }
  run.seconds = since(start);
  run.cpu_seconds = cpu_seconds() - cpu;
  run.rss_peak = peak_rss();
  return run;
}

}  // namespace nexmark
