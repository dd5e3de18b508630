// What each card spends a minute, from a Kafka topic to a Kafka topic. Killed at any time and started again with the
// same state folder, it goes on where it was. Where each card is in one partition only, several processes may share the
// input, and their number may change from one start to the next.
//
//   kafka_windows --brokers localhost:9092 --state-dir state
//   kafka_windows --brokers localhost:9092 --state-dir state --keyed --instance 0 --instances 2
#include <CLI/CLI.hpp>
#include <cstdint>
#include <millstream/connectors/kafka.hpp>
#include <millstream/millstream.hpp>
#include <string>

namespace ms = millstream;
using namespace std::chrono_literals;

struct Payment {
  std::string card;
  std::int64_t cents;
  ms::Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents, at))
using PaymentMessage = ms::kafka::Message<Payment>;
using Spend = ms::WindowResult<std::string, std::int64_t>;
using KeyedSpend = ms::WindowResult<ms::PartitionKey<std::string>, std::int64_t>;

namespace {

struct Options {
  std::string brokers = "localhost:9092";
  std::string input = "payments";
  std::string output = "spend";
  std::string state_dir = "state";
  bool keyed = false;
  bool stop_at_end = false;
  std::uint32_t instance = 0;
  std::uint32_t instances = 1;
};

ms::Dataflow flow_of(const Options& options) {
  ms::Dataflow flow{"card-spend"};
  flow.from(ms::kafka::source<Payment>(
                {.brokers = options.brokers, .topic = options.input, .stop_at_end = options.stop_at_end}))
      .event_time(&Payment::at, ms::bounded_disorder(5s))
      .key_by(&Payment::card)
      .window(ms::tumbling(1min))
      .aggregate(ms::sum(&Payment::cents))
      .to(ms::kafka::sink({.brokers = options.brokers, .topic = options.output}));
  return flow;
}

// A card's windows go with its partition, to whichever instance reads that at the next start.
ms::Dataflow keyed_flow_of(const Options& options) {
  ms::Dataflow flow{"card-spend"};
  flow.from(ms::kafka::source<PaymentMessage>({.brokers = options.brokers,
                                               .topic = options.input,
                                               .stop_at_end = options.stop_at_end,
                                               .instance = options.instance,
                                               .instances = options.instances}))
      .named("payments")
      .event_time([](const PaymentMessage& payment) { return payment.value.at; }, ms::bounded_disorder(5s))
      .named("times")
      .key_by([](const PaymentMessage& payment) { return ms::PartitionKey{payment.value.card, payment.partition}; })
      .window(ms::tumbling(1min))
      .aggregate(ms::sum([](const PaymentMessage& payment) { return payment.value.cents; }))
      .named("spend")
      .map([](const KeyedSpend& spend) {
        return Spend{spend.key.key, spend.value, spend.window_start, spend.window_end, spend.pane, spend.timing};
      })
      .to(ms::kafka::sink({.brokers = options.brokers, .topic = options.output, .instance = options.instance}))
      .named("output");
  return flow;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"What each card spends a minute"};
  app.add_option("--brokers", options.brokers, "host:port,host:port")->capture_default_str();
  app.add_option("--input-topic", options.input, R"(JSON such as {"card":"a","cents":7,"at":"2024-05-17T12:00:00Z"})")
      ->capture_default_str();
  app.add_option("--output-topic", options.output, "JSON, keyed by card")->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "Folder of the checkpoints; with --keyed of all instances")
      ->capture_default_str();
  auto* const keyed = app.add_flag("--keyed", options.keyed,
                                   "Each card is in one partition only; --instances of this program share the input");
  app.add_option("--instance", options.instance, "This one's number, from 0")->needs(keyed)->capture_default_str();
  app.add_option("--instances", options.instances,
                 "How many there are. To change it stop all of them, and start as many as you\nlike with the same "
                 "--state-dir")
      ->needs(keyed)
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag("--stop-at-end", options.stop_at_end, "End where the input ended at the start, and fire all windows");
  CLI11_PARSE(app, argc, argv);

  return ms::run(options.keyed ? keyed_flow_of(options) : flow_of(options),
                 {.state_dir = options.state_dir, .checkpoint = {.interval = 1s}, .handle_signals = true})
      .exit_code();
}
