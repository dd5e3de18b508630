// A job counts keys that come in passes, so each of them is asked for again when all others have been there; the count
// says whether it was found. Samples are taken all the time, for what lasts a moment counts, too.
#include "state/memory_check.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/describe/class.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "cost/event.hpp"
#include "millstream/millstream.hpp"
#include "state/keyed_input.hpp"
#include "state/rows_end.hpp"

namespace state {
namespace {

namespace ms = millstream;
using Result = ms::KeyedResult<std::uint64_t, std::tuple<std::int64_t, std::int64_t>>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSampleEach{2};
constexpr std::chrono::milliseconds kIdleFor{300};
constexpr double kAbove = 1.1;

struct Line {
  std::string name = {};
  std::uint64_t keys = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t allowed_bytes = 0;
  std::uint64_t accounted_bytes_max = 0;
  std::uint64_t idle_bytes = 0;          // resident, of the same job without a record and with its state in memory
  std::uint64_t resident_bytes_max = 0;  // above that
  std::uint64_t files_bytes_max = 0;     // beside these, pages of files: the program's and its libraries' code
  std::uint64_t samples = 0;
  std::uint64_t spilled_bytes = 0;
  std::uint64_t checkpoints = 0;
  double seconds = 0;
  bool equal = true;
  BOOST_DESCRIBE_CLASS(Line, (),
                       (name, keys, memory_bytes, allowed_bytes, accounted_bytes_max, idle_bytes, resident_bytes_max,
                        files_bytes_max, samples, spilled_bytes, checkpoints, seconds, equal),
                       (), ())
};

struct Resident {
  std::uint64_t all = 0;  // but pages of files
  std::uint64_t of_files = 0;
};
Resident resident() {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream statm{"/proc/self/statm"};
  std::uint64_t size = 0, all = 0, shared = 0;
  if (!(statm >> size >> all >> shared)) throw std::runtime_error{"cannot read /proc/self/statm"};
  return {(all - std::min(all, shared)) * page, shared * page};
}

struct Counts {
  std::uint64_t keys;
  std::uint64_t end;
  std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint64_t> wrong{0};
};

struct Passes {
  std::shared_ptr<Counts> counts;
  std::uint64_t next = 0;
  std::vector<ms::Split> splits(ms::SourceContext&) const { return {{"keys"}}; }
  void open(ms::SplitContext& c) { next = c.split().start.offset; }
  ms::Poll poll(ms::SourceOutput<Reading>& out) {
    for (; out.room() > 0 && next < counts->end; ++next) {
      out.emit(Reading{cost::random_bits(next % counts->keys), static_cast<std::int64_t>(next / counts->keys + 1)});
    }
    return next < counts->end ? ms::Poll::more() : ms::Poll::waiting();
  }
  [[nodiscard]] ms::Position position() const { return {next, {}}; }
};

// In the n-th pass a key is counted for the n-th time, and the sum of the passes' numbers is n (n + 1) / 2.
struct Checking {
  std::shared_ptr<Counts> counts;
  std::size_t write(std::span<Result> results) {
    std::uint64_t wrong = 0;
    for (const Result& result : results) {
      const auto& [count, sum] = result.value;
      if (sum != count * (count + 1) / 2) ++wrong;
    }
    if (wrong != 0) counts->wrong.fetch_add(wrong);
    counts->taken.fetch_add(results.size());
    return results.size();
  }
};

// all_of(count(), sum()) by hand.
struct Counting {
  ms::ValueState<std::tuple<std::int64_t, std::int64_t>> seen;
  void open(ms::OperatorContext& c) { seen = c.value_state<std::tuple<std::int64_t, std::int64_t>>("seen"); }
  void process(const Reading& reading, ms::Collector<Result>& out) {
    auto [count, sum] = seen.value_or({});
    seen.set({count + 1, sum + reading.value});
    out.emit({reading.key, {count + 1, sum + reading.value}});
  }
};

struct Peak {
  std::uint64_t all = 0;
  std::uint64_t of_files = 0;
  std::uint64_t accounted = 0;
  std::uint64_t samples = 0;
};

ms::Job start(ms::Dataflow& flow, const MemoryCheck& options, const std::shared_ptr<Counts>& counts,
              const std::shared_ptr<ms::MemoryBudget>& budget, bool spills) {
  auto by_key = flow.from(Passes{counts}).named("keys").key_by(&Reading::key);
  auto results = options.process ? by_key.process(Counting{}).named("counts")
                                 : by_key.aggregate(ms::all_of(ms::count(), ms::sum(&Reading::value))).named("counts");
  results.to(Checking{counts}).named("checking");
  std::filesystem::remove_all(options.folder);
  ms::RunOptions run{.shards = options.shards,
                     .memory = budget,
                     .state_dir = options.folder,
                     .checkpoint = {.interval = std::chrono::seconds{1}},
                     .log = nullptr};
  if (spills) run.state = ms::rocksdb();
  return ms::start(flow, run);
}

std::uint64_t records_of(const MemoryCheck& options) {
  return options.records != 0 ? options.records : options.keys * options.passes;
}

void fail_where_ended(ms::Job& job) {
  if (job.wait_for(kSampleEach)) throw std::runtime_error{"the job ended: " + job.wait().status.to_string()};
}

Resident idle(const MemoryCheck& options) {
  const auto counts = std::make_shared<Counts>(1, 0);
  ms::Dataflow flow{"counts"};
  ms::Job job = start(flow, options, counts, std::make_shared<ms::MemoryBudget>(options.memory_bytes), false);
  Resident most;
  for (const auto until = Clock::now() + kIdleFor; Clock::now() < until;) {
    fail_where_ended(job);
    const Resident now = resident();
    if (now.all > most.all) most = now;
  }
  job.cancel();
  job.wait();
  return most;
}

Line run(const MemoryCheck& options) {
  const Resident without = idle(options);
  const auto counts = std::make_shared<Counts>(options.keys, records_of(options));
  const auto budget = std::make_shared<ms::MemoryBudget>(options.memory_bytes);
  ms::Dataflow flow{"counts"};
  const auto began = Clock::now();
  ms::Job job = start(flow, options, counts, budget, options.spills);
  Peak peak;
  auto said = began;
  while (counts->taken.load() < counts->end) {
    fail_where_ended(job);
    const Resident now = resident();
    peak.all = std::max(peak.all, now.all);
    peak.of_files = std::max(peak.of_files, now.of_files);
    peak.accounted = std::max<std::uint64_t>(peak.accounted, budget->used_bytes());
    ++peak.samples;
    if (Clock::now() - said < std::chrono::seconds{10}) continue;
    said = Clock::now();
    std::fprintf(stderr, "%.0f s: %.1f M records, %.1f MB accounted, %.1f MB resident\n",
                 std::chrono::duration<double>(said - began).count(), static_cast<double>(counts->taken.load()) / 1e6,
                 static_cast<double>(budget->used_bytes()) / 1e6,
                 (static_cast<double>(now.all) - static_cast<double>(without.all)) / 1e6);
  }
  Line line{.name = "memory",
            .keys = options.keys,
            .memory_bytes = options.memory_bytes,
            .allowed_bytes = options.allowed_bytes != 0 ? options.allowed_bytes : options.memory_bytes,
            .accounted_bytes_max = peak.accounted,
            .idle_bytes = without.all,
            .resident_bytes_max = peak.all - std::min(peak.all, without.all),
            .files_bytes_max = peak.of_files - std::min(peak.of_files, without.of_files),
            .samples = peak.samples};
  line.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  line.spilled_bytes = job.status().spilled_bytes;
  line.checkpoints = job.status().checkpoints;
  line.equal = counts->wrong.load() == 0;
  job.cancel();
  job.wait();
  return line;
}

}  // namespace

int check_memory(const MemoryCheck& options) {
  const Line line = run(options);
  std::filesystem::remove_all(options.folder);
  const auto megabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  std::printf("%llu keys, %llu records, memory %.1f MiB, allowed %.1f MiB and a tenth\n",
              static_cast<unsigned long long>(line.keys), static_cast<unsigned long long>(records_of(options)),
              megabytes(line.memory_bytes), megabytes(line.allowed_bytes));
  std::printf("accounted  %8.1f MiB at most\n", megabytes(line.accounted_bytes_max));
  std::printf("resident   %8.1f MiB at most above an idle job's %.1f; beside %.1f of the code's pages\n",
              megabytes(line.resident_bytes_max), megabytes(line.idle_bytes), megabytes(line.files_bytes_max));
  std::printf("%llu samples, %.1f s, %.0f records/s, %.1f MiB spilled, %llu checkpoints, results %s\n",
              static_cast<unsigned long long>(line.samples), line.seconds,
              static_cast<double>(records_of(options)) / line.seconds, megabytes(line.spilled_bytes),
              static_cast<unsigned long long>(line.checkpoints), line.equal ? "right" : "WRONG");
  write_json(std::vector<Line>{line}, options.json);
  const auto most = static_cast<std::uint64_t>(static_cast<double>(line.allowed_bytes) * kAbove);
  bool within = true;
  for (const auto& [what, bytes] :
       {std::pair{"accounted", line.accounted_bytes_max}, std::pair{"resident", line.resident_bytes_max}}) {
    if (bytes <= most) continue;
    std::fprintf(stderr, "error: %.1f MiB %s, allowed are %.1f\n", megabytes(bytes), what, megabytes(most));
    within = false;
  }
  if (options.spills && line.spilled_bytes == 0) {
    std::fprintf(stderr, "error: nothing has left memory\n");
    return 1;
  }
  return within && line.equal ? 0 : 1;
}

}  // namespace state
