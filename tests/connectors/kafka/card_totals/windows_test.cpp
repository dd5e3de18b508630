// Several processes of examples/kafka_windows whose number changes, killed each time: every window of every card comes
// once, with what its partition's records in time come to.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "checkpoint/instance_layout.hpp"
#include "connectors/kafka/broker_log.hpp"
#include "connectors/kafka/real_broker.hpp"
#include "crash/process.hpp"
#include "millstream/core/timestamp.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using crash::Child;
using testing::Logged;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

constexpr int kPartitions = 4;
constexpr int kCards = 24;
constexpr std::chrono::seconds kPatience{60};

struct Paid {
  std::string card;
  std::int64_t cents = 0;
  Timestamp at;
};

/// Payments until stop(). In event time some partitions are far ahead of others; most records are within the example's
/// bound of 5 s, some far behind.
class Input {
 public:
  Input(const std::string& brokers, const std::string& topic)
      : thread_{[this, brokers, topic] {
          testing::LogWriter writer{brokers};
          std::minstd_rand random{1};
          Timestamp now[kPartitions];
          std::fill(now, now + kPartitions, Timestamp{1'700'000'000s});
          while (!stopping_) {
            std::this_thread::sleep_for(5ms);
            std::vector<Logged> messages;
            for (int i = 0; i < 10; ++i) {
              const auto card = static_cast<int>(random() % kCards);
              const int partition = card % kPartitions;
              now[partition] += std::chrono::milliseconds{random() % (100U * static_cast<unsigned>(1 + 3 * partition))};
              const auto back = random() % 20 == 0 ? std::chrono::milliseconds{random() % 200'000}
                                                   : std::chrono::milliseconds{random() % 4'000};
              const Paid paid{std::to_string(card), static_cast<std::int64_t>(random() % 1000), now[partition] - back};
              Logged& logged = messages.emplace_back();
              logged.partition = partition;
              logged.key = paid.card;
              logged.value = R"({"card":")" + paid.card + R"(","cents":)" + std::to_string(paid.cents) + R"(,"at":")" +
                             to_string(paid.at) + R"("})";
              paid_[partition].push_back(paid);
            }
            writer.write(topic, messages);
          }
        }} {}
  ~Input() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  /// Window ("card start") -> cents, of the records that are in time in their partition.
  [[nodiscard]] std::map<std::string, std::int64_t> windows() const {
    std::map<std::string, std::int64_t> all;
    for (const std::vector<Paid>& paid : paid_) {
      Timestamp watermark = kTimestampMin;
      for (const Paid& each : paid) {
        const Timestamp start = floor_to(each.at, 1min);
        if (start + 1min > watermark) all[each.card + " " + to_string(start)] += each.cents;
        watermark = std::max(watermark, floor_to(each.at - 5s, 1min));
      }
    }
    return all;
  }

 private:
  std::vector<Paid> paid_[kPartitions];  // in the order of the log; the thread's until it has ended
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

class KafkaInstancesWindows : public testing::OnBroker {
 protected:
  void SetUp() override {
    OnBroker::SetUp();
    if (broker == nullptr) return;
    input_topic = broker->make_topic("payments", kPartitions);
    output_topic = broker->make_topic("spend", 3);
  }
  std::vector<std::unique_ptr<Child>> start_all(int instances, bool stop_at_end = false) const {
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < instances; ++i) {
      crash::Command command{.program = MILLSTREAM_KAFKA_WINDOWS,
                             .arguments = {"--brokers", broker->brokers(), "--input-topic", input_topic,
                                           "--output-topic", output_topic, "--state-dir", folder / "state", "--keyed",
                                           "--instance", std::to_string(i), "--instances", std::to_string(instances)},
                             .log = log_of(i)};
      if (stop_at_end) command.arguments.emplace_back("--stop-at-end");
      children.push_back(std::make_unique<Child>(command));
    }
    return children;
  }
  [[nodiscard]] std::string log_of(int instance) const { return folder / (std::to_string(instance) + ".log"); }
  [[nodiscard]] std::string logs() const {
    std::string all;
    for (int i = 0; i < 3; ++i) {
      const std::string text = TemporaryFolder::read(log_of(i));
      all += "\ninstance " + std::to_string(i) + ":\n" +
             text.substr(text.size() - std::min<std::size_t>(text.size(), 4000));
    }
    return all;
  }
  /// All instances of this number have decided a checkpoint of their own.
  [[nodiscard]] bool commit(int instances) const {
    return test::eventually(
        [&] {
          const auto layout = parse_instances(TemporaryFolder::read(folder / "state/INSTANCES"));
          if (!layout || layout->changing) return false;
          const InstanceGeneration& now = layout->generations.back();
          if (now.instances != static_cast<std::uint32_t>(instances)) return false;
          for (int i = 0; i < instances; ++i) {
            const std::string marker =
                "state/generation-" + std::to_string(now.number) + "/instance-" + std::to_string(i) + "/COMMITTED";
            if (TemporaryFolder::read(folder / marker).empty()) return false;
          }
          return true;
        },
        kPatience);
  }
  /// The text behind `name` in JSON, up to the next '"' or ','.
  static std::string field(const std::string& json, const std::string& name) {
    const std::size_t at = json.find("\"" + name + "\":");
    if (at == std::string::npos) return {};
    std::size_t from = at + name.size() + 3;
    if (json[from] == '"') ++from;
    return json.substr(from, json.find_first_of("\",}", from) - from);
  }
  /// What is wrong with what the jobs have given out.
  [[nodiscard]] std::string wrong(const std::map<std::string, std::int64_t>& expected) const {
    std::map<std::string, std::int64_t> seen;
    std::string text;
    for (const Logged& each : testing::read_log(broker->brokers(), output_topic, 3)) {
      const std::string window = field(each.value, "key") + " " + field(each.value, "window_start");
      if (!seen.emplace(window, std::atoll(field(each.value, "value").c_str())).second) text += window + " twice\n";
    }
    for (const auto& [window, cents] : expected) {
      const auto at = seen.find(window);
      if (at == seen.end()) {
        text += window + " is missing\n";
      } else if (at->second != cents) {
        text += window + " has " + std::to_string(at->second) + " instead of " + std::to_string(cents) + "\n";
      }
    }
    if (seen.size() > expected.size()) text += "there are windows that nothing is in\n";
    return text.substr(0, 2000);
  }

  TemporaryFolder folder;
  std::string input_topic;
  std::string output_topic;
};

TEST_F(KafkaInstancesWindows, EachWindowComesOnceThroughChangesOfTheirNumber) {
  Input input{broker->brokers(), input_topic};
  std::minstd_rand random{5};
  for (const int instances : {3, 2, 3, -1, 2, -3, 3}) {
    SCOPED_TRACE(std::to_string(instances) + " instances");
    auto children = start_all(std::abs(instances));
    if (instances > 0) {
      ASSERT_TRUE(commit(instances)) << logs();
    }
    ASSERT_FALSE(children.front()->wait_for(std::chrono::milliseconds{random() % (instances > 0 ? 300 : 2000)}))
        << logs();
    for (auto& child : children) child->kill();
  }
  input.stop();
  for (auto& child : start_all(2, true)) {
    const auto ended = child->wait_for(kPatience);
    ASSERT_TRUE(ended && ended->exit_code == 0 && ended->signal == 0) << logs();
  }
  const std::map<std::string, std::int64_t> expected = input.windows();
  EXPECT_GT(expected.size(), 100U);
  const std::string differences = wrong(expected);
  EXPECT_EQ(differences, "") << logs();
}

}  // namespace
}  // namespace millstream::inline v0
