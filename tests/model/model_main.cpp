// main of the model tests: GoogleTest's, and --seeds N (how many for each pipeline) and --seed S (this one only).
#include <CLI/CLI.hpp>
#include <cstdlib>

#include "model/execution.hpp"

namespace millstream::model {

Seeds& seeds() {
  static Seeds all;
  return all;
}

void Execution::run(const Dataflow& flow) const {
  if (simulated) {
    testing::SimulatorOptions options{.seed = seed, .shards = shards, .batch = batch, .exchange_slots = slots};
    options.step_time_max = step_time;
    if (jumping_clock) {
      options.step_time_max = std::chrono::seconds{30};
      options.before_step = [random = Random{seed, 0x636c6f636b}](testing::Simulation& job) mutable {
        if (random.chance(0.05)) job.set_wall_clock(std::chrono::seconds{random.between(-3'600, 3'600)});
      };
    }
    const testing::SimulationResult result = testing::Simulator{options}.run(flow);
    EXPECT_TRUE(result.ok()) << result.status.to_string();
    return;
  }
  RunOptions options;
  options.shards = shards;
  options.batch = batch;
  options.log = nullptr;
  const JobResult result = millstream::run(flow, options);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
}

}  // namespace millstream::model

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  auto& seeds = millstream::model::seeds();
  seeds.program = argv[0];
  CLI::App app{"Dataflows against plain models"};
  app.add_option("--seeds", seeds.count, "Simulator seeds of each pipeline")
      ->envname("MILLSTREAM_SEEDS")
      ->capture_default_str();
  app.add_option("--seed", seeds.only, "Only this seed");
  CLI11_PARSE(app, argc, argv);
  return RUN_ALL_TESTS();
}
