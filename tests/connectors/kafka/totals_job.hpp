// A job from payments to running totals on a real broker, exactly once, for the tests that break it: a lost, doubled or
// reordered record shows in all that follow. A client of its own reads what is committed, and a model says what it must
// be.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/real_broker.hpp"
#include "millstream/connectors/kafka.hpp"
#include "millstream/millstream.hpp"

namespace millstream::inline v0::testing {

inline constexpr int kPartitions = 4;
inline constexpr int kCards = 20;

struct Payment {
  std::string card;
  std::int64_t cents = 0;
};
struct Total {
  std::string card;
  std::int64_t count = 0;
  std::int64_t cents = 0;
  friend auto operator<=>(const Total&, const Total&) = default;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents))
BOOST_DESCRIBE_STRUCT(Total, (), (card, count, cents))

/// For each payment the total so far: a lost, doubled or reordered one shows in all that follow.
struct RunningTotal {
  ValueState<std::int64_t> count;
  ValueState<std::int64_t> cents;
  void open(OperatorContext& c) {
    count = c.value_state<std::int64_t>("count");
    cents = c.value_state<std::int64_t>("cents");
  }
  void process(const Payment& payment, Collector<Total>& out) {
    count.set(count.value_or(0) + 1);
    cents.set(cents.value_or(0) + payment.cents);
    out.emit({payment.card, count.value_or(0), cents.value_or(0)});
  }
};

inline Payment payment(int i) { return {"card-" + std::to_string(i % kCards), i % 97}; }

inline std::vector<Logged> payments(int from, int to) {
  std::vector<Logged> all;
  for (int i = from; i < to; ++i) {
    Logged& logged = all.emplace_back(Logged{.partition = i % kCards % kPartitions});
    encode_json(payment(i), logged.value);
  }
  return all;
}

using Totals = std::map<std::string, std::vector<Total>>;  // by card, in their order

inline Totals model(int records) {
  Totals totals;
  for (int i = 0; i < records; ++i) {
    const Payment p = payment(i);
    std::vector<Total>& of_card = totals[p.card];
    const std::int64_t before = of_card.empty() ? 0 : of_card.back().cents;
    of_card.push_back({p.card, static_cast<std::int64_t>(of_card.size()) + 1, before + p.cents});
  }
  return totals;
}

class KafkaExactlyOnce : public OnBroker {
 protected:
  void SetUp() override {
    OnBroker::SetUp();
    if (broker == nullptr) return;
    in = broker->make_topic("payments", kPartitions);
    out = broker->make_topic("totals", 3);
    name = "job-of-" + in;
  }
  kafka::SinkOptions<Total> sink_options() const {
    return {.brokers = broker->brokers(), .topic = out, .key = [](const Total& total) { return total.card; }};
  }
  Dataflow dataflow(bool stop_at_end, kafka::SinkOptions<Total> to, std::uint32_t instances = 1) const {
    Dataflow flow{name};
    flow.from(kafka::source<Payment>({.brokers = broker->brokers(),
                                      .topic = in,
                                      .stop_at_end = stop_at_end,
                                      .instance = to.instance,
                                      .instances = instances}))
        .named("in")
        .key_by(&Payment::card)
        .keyed_by_partition()
        .process(RunningTotal{})
        .named("totals")
        .to(kafka::sink<Total>(std::move(to)))
        .named("out");
    return flow;
  }
  Dataflow dataflow(bool stop_at_end) const { return dataflow(stop_at_end, sink_options()); }
  RunOptions options(std::uint32_t shards = 2) const {
    return {.shards = shards,
            .state_dir = state / "state",
            .checkpoint = {.interval = std::chrono::milliseconds{50}},
            .log = {}};
  }
  /// One of several processes.
  Dataflow instance_of(std::uint32_t instances, std::uint32_t instance, bool stop_at_end) const {
    kafka::SinkOptions<Total> to = sink_options();
    to.instance = instance;
    return dataflow(stop_at_end, std::move(to), instances);
  }
  RunOptions options_in(const std::string& folder) const {
    RunOptions with = options();
    with.state_dir = state / folder;
    return with;
  }
  /// What readers of committed messages see.
  Totals results() const {
    Totals totals;
    JsonDecoder<Total> decoder;
    for (const Logged& logged : read_log(broker->brokers(), out, 3)) {
      Total total;
      DecodeError error;
      EXPECT_TRUE(decoder.decode(logged.value, total, error)) << logged.value;
      EXPECT_EQ(logged.key, total.card);
      totals[total.card].push_back(total);
    }
    return totals;
  }
  std::size_t count_results() const {
    std::size_t all = 0;
    for (const auto& [card, of_card] : results()) all += of_card.size();
    return all;
  }

  TemporaryFolder state;
  std::string in;
  std::string out;
  std::string name;
};

}  // namespace millstream::inline v0::testing
