// Starts the example, writes its input, and looks at its output by clients of its own.
#include "connectors/kafka/card_totals/pipeline.hpp"

#include <algorithm>

#include "runtime/eventually.hpp"

namespace millstream::inline v0::testing {

using namespace std::chrono_literals;

SteadyInput::SteadyInput(const std::string& brokers, const std::string& topic, int partitions, Options options)
    : thread_{[=, this] {
        std::minstd_rand random{options.seed};
        LogWriter writer{brokers};
        const auto began = std::chrono::steady_clock::now();
        while (!stopping_) {
          std::this_thread::sleep_for(5ms);
          const auto due = std::chrono::steady_clock::now() - began;
          const auto wanted =
              static_cast<int>(std::chrono::duration<double>{due}.count() * options.messages_per_second);
          std::vector<Logged> messages;
          // After a pause of the broker it does not hurry.
          for (int i = std::max(0, wanted - written_); i > 0 && messages.size() < 1000; --i) {
            const auto card = static_cast<int>(random() % kCards);
            const auto cents = static_cast<int>(random() % 1000) - 100;
            Logged& logged = messages.emplace_back();
            logged.partition = static_cast<std::int32_t>(random() % static_cast<unsigned>(partitions));
            if (options.keyed) {
              logged.key = std::to_string(card);
              logged.partition = card % partitions;
            }
            logged.value = payment_text(card, cents);
            if (static_cast<int>(random() % 1000) < options.bad_per_thousand) {
              logged.value.resize(random() % 30);
              logged.headers.emplace_back("cents", std::to_string(cents));
              if (cents % 2 == 0) logged.key = "card " + std::to_string(card);
            }
          }
          writer.write(topic, messages);
          written_ += static_cast<int>(messages.size());
        }
      }} {}

void SteadyInput::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

Pipeline::Pipeline(const RealBroker& broker, bool dead_letters)
    : broker_{broker},
      input_{broker.make_topic("payments", kInputPartitions)},
      output_{broker.make_topic("totals", kOutputPartitions)} {
  if (dead_letters) dead_letters_ = broker.make_topic("bad", 1);
}

crash::Command Pipeline::command(const Life& life) const {
  crash::Command command{
      .program = MILLSTREAM_KAFKA_CARD_TOTALS,
      .arguments = {"--brokers", broker_.brokers(), "--input-topic", input_, "--output-topic", output_, "--state-dir",
                    path(life.state), "--shards", std::to_string(life.shards), "--restarts",
                    std::to_string(life.restarts), "--instance", std::to_string(life.instance), "--instances",
                    std::to_string(life.instances)},
      .variables = life.variables,
      .log = path(log_name(life) + ".log")};
  if (life.keyed) command.arguments.emplace_back("--keyed");
  if (!dead_letters_.empty()) command.arguments.insert(command.arguments.end(), {"--dead-letter-topic", dead_letters_});
  if (!life.group.empty()) command.arguments.insert(command.arguments.end(), {"--group", life.group});
  if (life.stop_at_end) command.arguments.emplace_back("--stop-at-end");
  return command;
}

bool Pipeline::run_to_end(Life life) const {
  life.stop_at_end = true;
  crash::Child child = start(life);
  const auto ended = child.wait_for(kPatience);
  const bool good = ended && ended->exit_code == 0 && ended->signal == 0;
  EXPECT_TRUE(good) << (!ended ? "it hangs" : "exit code " + std::to_string(ended->exit_code)) << "\n" << log(life);
  return good;
}

std::string Pipeline::log_name(const Life& life) {
  return life.keyed ? life.state + "-" + std::to_string(life.instance) : life.state;
}

bool Pipeline::commits(crash::Child& child, const Life& life, int generation) const {
  return commits(
      child, life.state + "/generation-" + std::to_string(generation) + "/instance-" + std::to_string(life.instance));
}

bool Pipeline::commits(crash::Child& child, const std::string& state) const {
  const std::string marker = path(state) + "/COMMITTED";
  std::string last = TemporaryFolder::read(marker);
  int changes = 0;
  const auto decided_or_ended = [&] {
    std::string now = TemporaryFolder::read(marker);
    if (now != last) ++changes;
    last = std::move(now);
    return changes == 2 || child.wait_for(0ms);
  };
  return test::eventually(decided_or_ended, kPatience) && changes == 2;
}

std::string Pipeline::wrong() const {
  const std::vector<Logged> input = read_log(broker_.brokers(), input_, kInputPartitions);
  EXPECT_FALSE(input.empty());
  std::string all = wrong_totals(input, read_log(broker_.brokers(), output_, kOutputPartitions));
  if (!dead_letters_.empty()) all += wrong_dead_letters(input_, input, read_log(broker_.brokers(), dead_letters_, 1));
  return all;
}

std::string Pipeline::log(const std::string& state) const {
  constexpr std::size_t kBytesMax = 8000;
  const std::string text = TemporaryFolder::read(path(state + ".log"));
  return text.substr(text.size() - std::min(text.size(), kBytesMax));
}

}  // namespace millstream::inline v0::testing
