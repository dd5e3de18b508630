// examples/kafka_card_totals as processes on topics of their own, with input that is written steadily beside them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/card_totals/oracle.hpp"
#include "connectors/kafka/real_broker.hpp"
#include "crash/process.hpp"

namespace millstream::inline v0::testing {

/// Payments of a few cards until stop(), each card in all partitions, or `keyed` by card and in one. Writes on a thread
/// of its own.
class SteadyInput {
 public:
  struct Options {
    int messages_per_second = 2000;
    int bad_per_thousand = 0;  ///< no payments; these have a header each, and every other one a key
    std::uint32_t seed = 1;
    bool keyed = false;
  };
  static constexpr int kCards = 40;

  SteadyInput(const std::string& brokers, const std::string& topic, int partitions, Options options);
  ~SteadyInput() { stop(); }
  SteadyInput(const SteadyInput&) = delete;
  SteadyInput& operator=(const SteadyInput&) = delete;

  /// What was written is in the topic then.
  void stop();
  /// Messages that are in the topic.
  [[nodiscard]] int written() const { return written_; }

 private:
  std::atomic<bool> stopping_ = false;
  std::atomic<int> written_ = 0;
  std::thread thread_;
};

/// How a process of the pipeline is started.
struct Life {
  std::uint32_t shards = 2;
  std::string state = "state";  ///< below the pipeline's folder
  bool stop_at_end = false;
  int restarts = 0;
  int instance = 0;
  int instances = 1;
  bool keyed = false;  ///< the instances share `state`, and their number may change
  std::vector<std::string> variables = {};
  std::string group = {};  ///< that it takes over
};

class Pipeline {
 public:
  static constexpr int kInputPartitions = 4;
  static constexpr int kOutputPartitions = 3;
  /// Far more than anything takes on a busy machine.
  static constexpr std::chrono::seconds kPatience{60};

  /// Messages that are no payments go to dead letters, or stop it.
  explicit Pipeline(const RealBroker& broker, bool dead_letters = false);

  [[nodiscard]] crash::Command command(const Life& life) const;
  [[nodiscard]] crash::Child start(const Life& life) const { return crash::Child{command(life)}; }
  /// Runs it to the end of the input. False, with a failure of the test: it did not end well.
  bool run_to_end(std::uint32_t shards, const std::string& state = "state") const {
    return run_to_end({.shards = shards, .state = state});
  }
  bool run_to_end(Life life) const;
  /// Waits until `child` has decided two more checkpoints: the first may be one of the life before. False: it does not,
  /// or has ended.
  [[nodiscard]] bool commits(crash::Child& child, const std::string& state = "state") const;
  /// The same of one of several that share a state folder, in the generation of instances that is on there.
  [[nodiscard]] bool commits(crash::Child& child, const Life& life, int generation) const;
  /// What the oracle says about all that is in the topics.
  [[nodiscard]] std::string wrong() const;
  /// What the processes on this state folder have logged, its end where it is long.
  [[nodiscard]] std::string log(const std::string& state = "state") const;
  [[nodiscard]] std::string log(const Life& life) const { return log(log_name(life)); }

  [[nodiscard]] const std::string& input_topic() const { return input_; }
  [[nodiscard]] std::string path(const std::string& state) const { return folder_ / state; }
  [[nodiscard]] static std::string log_name(const Life& life);

 private:
  const RealBroker& broker_;
  TemporaryFolder folder_;
  std::string input_;
  std::string output_;
  std::string dead_letters_;
};

}  // namespace millstream::inline v0::testing
