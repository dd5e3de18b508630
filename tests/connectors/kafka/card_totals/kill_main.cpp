// examples/kafka_card_totals, killed by SIGKILL again and again, at random times and at kill points, and started again
// on other numbers of shards, while its input is written: in the end each payment has its total once, and each message
// that is none its dead letter once.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "connectors/kafka/card_totals/pipeline.hpp"
#include "core/kill_points.hpp"

namespace millstream::inline v0::testing {
namespace {

using namespace std::chrono_literals;

int kills = 60;
std::uint32_t seed = 1;

/// Those that a job comes by whose decision is a transaction.
constexpr std::string_view kPoints[] = {
    "decision.before",        "decision.after_rename", "manifest.after_rename",      "decision.after",
    "manifest.before_rename", "segment.after_sync",    "recovery.behind_settling",   "decision.before_rename",
    "retention.before",       "recovery.before_sinks", "retention.behind_manifests", "ids.after_sync",
};

class KafkaKill : public OnBroker {
 protected:
  /// Killed in the middle of its work.
  void kill_at_work(const Pipeline& pipeline, std::uint32_t shards) {
    crash::Child child = pipeline.start({.shards = shards});
    ASSERT_TRUE(pipeline.commits(child)) << "no output is committed\n" << pipeline.log();
    expect_running(child, std::chrono::milliseconds{random() % 400}, pipeline);
    child.kill();
  }
  /// Killed at any time, also while it starts.
  void kill_at_any_time(const Pipeline& pipeline, std::uint32_t shards) {
    crash::Child child = pipeline.start({.shards = shards});
    expect_running(child, std::chrono::milliseconds{random() % 1500}, pipeline);
    child.kill();
  }
  void kill_at_point(const Pipeline& pipeline, std::uint32_t shards) {
    const std::string_view point = kPoints[points_++ % std::size(kPoints)];
    // Some are come by only once in a life.
    const bool often = !point.starts_with("recovery") && !point.starts_with("ids");
    const std::string at = std::string{point} + ":" + std::to_string(often ? 1 + random() % 5 : 1);
    crash::Child child = pipeline.start({.shards = shards, .variables = {"MILLSTREAM_KILL_AT=" + at}});
    const auto ended = child.wait_for(Pipeline::kPatience);
    ASSERT_TRUE(ended && ended->signal == SIGKILL) << "kill point " << at << " is not reached\n" << pipeline.log();
  }
  static void stop(const Pipeline& pipeline, std::uint32_t shards) {
    crash::Child child = pipeline.start({.shards = shards});
    ASSERT_TRUE(pipeline.commits(child)) << "no output is committed\n" << pipeline.log();
    child.send(SIGTERM);
    const auto ended = child.wait_for(Pipeline::kPatience);
    ASSERT_TRUE(ended) << "SIGTERM does not end it\n" << pipeline.log();
    EXPECT_TRUE(ended->exit_code == 0 && ended->signal == 0) << "SIGTERM\n" << pipeline.log();
  }
  std::minstd_rand random{seed};

 private:
  static void expect_running(crash::Child& child, std::chrono::milliseconds time, const Pipeline& pipeline) {
    const auto ended = child.wait_for(time);
    ASSERT_FALSE(ended) << "it has ended by itself, with " << ended->exit_code << "\n" << pipeline.log();
  }
  std::size_t points_ = 0;
};

TEST_F(KafkaKill, EachMessageHasItsTotalOrItsDeadLetterOnce) {
  SCOPED_TRACE("--seed " + std::to_string(seed));
  const Pipeline pipeline{*broker, true};
  SteadyInput input{
      broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, {.bad_per_thousand = 30, .seed = seed}};
  for (int kill = 0; kill < kills; ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    const auto shards = static_cast<std::uint32_t>(1 + kill % 4);
    if (kill % 10 == 5) stop(pipeline, shards);
    if (kHasKillPoints && kill % 2 == 1) {
      kill_at_point(pipeline, shards);
    } else if (kill % 3 == 2) {
      kill_at_any_time(pipeline, shards);
    } else {
      kill_at_work(pipeline, shards);
    }
    if (HasFailure()) return;
  }
  input.stop();
  ASSERT_TRUE(pipeline.run_to_end(3));
  const std::string wrong = pipeline.wrong();
  EXPECT_TRUE(wrong.empty()) << wrong << pipeline.log();
  std::cout << kills << " kills, " << input.written() << " messages\n";
}

}  // namespace
}  // namespace millstream::inline v0::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  CLI::App app{
      "Kills kafka_card_totals again and again, and compares its output with a plain loop (GoogleTest's options "
      "are there, too)"};
  app.add_option("--kills", millstream::testing::kills, "How many")
      ->envname("MILLSTREAM_KILLS")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seed", millstream::testing::seed, "Of the times of the kills, and of the input")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return RUN_ALL_TESTS();
}
