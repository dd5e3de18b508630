#include "nexmark/check.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "millstream/stream/dataflow.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "millstream/testing/simulator.hpp"
#include "nexmark/source.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;
using namespace std::chrono_literals;

constexpr auto kPatience = 60s;  // a job that has not come to a place by then never will

/// One job of a query, in several runs.
class CheckedJob {
 public:
  CheckedJob(const Query& query, const Input& input, const RunSettings& settings)
      : query_{query}, input_{input}, settings_{settings}, flow_{query.name} {
    EventSource source{{.input = input, .gate = gate_, .by_wall_clock = query.by_wall_clock}};
    query.declare(flow_.from(std::move(source)), Outlet{results_, folder_.output()});
  }

  void run_to_end() {
    *gate_ = input_.events;
    succeeded(ms::run(flow_, run_options(settings_, folder_)));
  }
  /// Stops in good order behind so many events.
  void stop_behind(std::uint64_t events) {
    ms::Job job = start(events);
    await([&] { return job.status().records_in == events - read_; });
    job.stop();
    succeeded(job.wait());
    read_ = events;
  }
  /// Ends at once, as by a failure, when there is a checkpoint behind so many events, and a third more have been read.
  void cancel_behind(std::uint64_t events) {
    ms::Job job = start(events);
    await([&] { return job.status().records_in == events - read_; });
    const std::uint64_t before = job.status().checkpoints;
    await([&] { return job.status().checkpoints > before; });
    *gate_ = events + events / 3;
    await([&] { return job.status().records_in == events + events / 3 - read_; });
    job.cancel();
    if (job.wait().state != ms::JobState::kCancelled) throw std::runtime_error{"the job was not cancelled"};
  }
  Digest digest() {
    if (query_.collect != nullptr) query_.collect(folder_.output(), *results_);
    return results_->digest();
  }

  /// By a virtual clock; with `restart` stopped and started again in the middle.
  void simulate(bool restart) {
    ms::ManualClock disk_clock;
    ms::testing::MemoryFileSystem disk{disk_clock};
    ms::Timestamp now = input_.generator->time(0);
    *gate_ = input_.events;
    for (const bool stops : {true, false}) {
      if (stops && !restart) continue;
      ms::testing::SimulatorOptions options{.shards = settings_.shards, .now = now, .file_system = &disk};
      options.state_dir = "state";
      options.checkpoint.interval = 500ms;
      options.before_step = [&](ms::testing::Simulation& simulation) {
        if (stops && simulation.status().records_in >= input_.events / 3) simulation.stop();
      };
      const ms::testing::SimulationResult done = ms::testing::Simulator{options}.run(flow_);
      if (!done.ok()) throw std::runtime_error{done.status.to_string()};
      now = done.ended_at;
    }
  }

 private:
  ms::Job start(std::uint64_t events) {
    *gate_ = events;
    return ms::start(flow_, run_options(settings_, folder_));
  }
  template <class Condition>
  static void await(Condition holds) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error{"the job stands still"};
      std::this_thread::sleep_for(1ms);
    }
  }
  static void succeeded(const ms::JobResult& done) {
    if (!done.ok()) throw std::runtime_error{done.status.to_string()};
  }

  const Query& query_;
  const Input& input_;
  RunSettings settings_;
  WorkFolder folder_;
  std::shared_ptr<Results> results_ = std::make_shared<Results>();
  std::shared_ptr<std::atomic<std::uint64_t>> gate_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::uint64_t read_ = 0;  // events that no later run reads again
  ms::Dataflow flow_;
};

std::string difference(const char* of, const Digest& found, const Digest& expected) {
  if (found == expected) return {};
  std::string text{of};
  text.append(": ").append(std::to_string(found.results)).append(" results, the model has ");
  text.append(std::to_string(expected.results));
  return found.results == expected.results ? text.append(", with other values") : text;
}

// "" or what is wrong.
std::string compare(const Query& query, const Input& input, const RunSettings& settings, const Digest& expected) {
  if (expected.results == 0) return "no results: it takes more events";
  CheckedJob whole{query, input, {.shards = settings.shards}};
  query.by_wall_clock ? whole.simulate(false) : whole.run_to_end();
  if (std::string wrong = difference("in one run", whole.digest(), expected); !wrong.empty()) return wrong;
  CheckedJob parts{query, input, settings};
  if (query.by_wall_clock) {
    parts.simulate(true);
  } else {
    parts.stop_behind(input.events / 3);
    parts.cancel_behind(input.events / 2);
    parts.run_to_end();
  }
  return difference("started again", parts.digest(), expected);
}

}  // namespace

Checked check_query(const Query& query, const Input& input, const RunSettings& settings) {
  const Digest expected = query.model(input);
  Checked checked{.results = expected.results};
  try {
    checked.wrong = compare(query, input, settings, expected);
  } catch (const std::exception& error) {
    checked.wrong = error.what();
  }
  return checked;
}

}  // namespace nexmark
