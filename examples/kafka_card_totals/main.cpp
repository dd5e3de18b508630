// From Kafka to Kafka, exactly once: how often and how much each card has paid so far. flow_of() below is the whole
// program; options.cpp is the command line.
//
//   kafka_card_totals --brokers localhost:9092 --input-topic payments --output-topic totals --state-dir state
#include <cstdint>
#include <cstdio>
#include <millstream/connectors/kafka.hpp>
#include <millstream/millstream.hpp>
#include <string>

#include "options.hpp"

namespace ms = millstream;
using namespace std::chrono_literals;

/// The value of a message of the input.
struct Payment {
  std::string card;
  std::int64_t cents = 0;
  ms::Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents, at))
using PaymentMessage = ms::kafka::Message<Payment>;

/// What a card has come to with one payment, and where in the input that stands.
struct Total {
  std::string card;
  std::int64_t count;
  std::int64_t cents;
  std::int32_t partition;
  std::int64_t offset;
};
BOOST_DESCRIBE_STRUCT(Total, (), (card, count, cents, partition, offset))

struct Running {
  std::int64_t count = 0;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(Running, (), (count, cents))

namespace {

struct CardTotals {
  ms::ValueState<Running> running;

  void open(ms::OperatorContext& context) { running = context.value_state<Running>("running"); }
  void process(const PaymentMessage& payment, ms::Collector<Total>& out) {
    running.update([&](Running& so_far) {
      ++so_far.count;
      so_far.cents += payment.value.cents;
      out.emit({payment.value.card, so_far.count, so_far.cents, payment.partition, payment.offset});
    });
  }
};

ms::Stream<Total> totals_of(const ms::Stream<PaymentMessage>& payments, bool keyed) {
  if (keyed) {
    // A card's total goes with its partition, to whichever instance reads that at the next start.
    return payments
        .key_by([](const PaymentMessage& payment) { return ms::PartitionKey{payment.value.card, payment.partition}; })
        .process(CardTotals{});
  }
  auto by_card = payments.key_by([](const PaymentMessage& payment) { return payment.value.card; });
  // So --instances says it must be; one process alone may have a card in all partitions.
  by_card.keyed_by_partition();
  return by_card.process(CardTotals{});
}

ms::Dataflow flow_of(const Options& options) {
  const auto policy = options.dead_letter_topic ? ms::OnError::kDeadLetter : ms::OnError::kFail;
  ms::Dataflow flow{"card-totals"};
  auto payments =
      flow.from(ms::kafka::source<PaymentMessage>(
                    {.brokers = options.brokers,
                     .topic = options.input_topic,
                     .start = options.group.empty() ? ms::kafka::start_at_earliest() : ms::kafka::start_at_committed(),
                     .stop_at_end = options.stop_at_end,
                     .group = options.group,
                     .instance = options.instance,
                     .instances = options.instances,
                     .on_bad_record = policy}))
          .named("payments");
  totals_of(payments, options.keyed)
      .named("totals")
      .to(ms::kafka::sink<Total>({.brokers = options.brokers,
                                  .topic = options.output_topic,
                                  .key = [](const Total& total) { return total.card; },
                                  .guarantee = options.guarantee,
                                  .group = options.group,
                                  .instance = options.instance}))
      .named("output");
  if (options.dead_letter_topic) {
    // In the transaction of the output, where that is exactly once.
    payments.side_output(ms::dead_letters)
        .to(ms::kafka::sink({.brokers = options.brokers,
                             .topic = *options.dead_letter_topic,
                             .guarantee = options.guarantee,
                             .instance = options.instance}))
        .named("dead letters");
  }
  return flow;
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const std::optional<Options> options = parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  // Once by default: who runs this starts it again.
  return ms::run(flow_of(*options), {.shards = options->shards,
                                     .state_dir = options->state_dir,
                                     .checkpoint = {.interval = options->checkpoint_interval},
                                     .restart = {.max_restarts = options->restarts},
                                     .handle_signals = true,
                                     .progress_line = true})
      .exit_code();
}
