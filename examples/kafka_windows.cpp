// What each card spends a minute, from a Kafka topic to a Kafka topic. Killed at any time and started again with the
// same state folder, it goes on where it was.
//
//   kafka_windows --brokers localhost:9092 --state-dir state
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

int main(int argc, char** argv) {
  std::string brokers = "localhost:9092";
  std::string input = "payments";
  std::string output = "spend";
  std::string state_dir = "state";
  CLI::App options{"What each card spends a minute"};
  options.add_option("--brokers", brokers, "host:port,host:port")->capture_default_str();
  options.add_option("--input-topic", input, R"(JSON such as {"card":"a","cents":7,"at":"2024-05-17T12:00:00Z"})")
      ->capture_default_str();
  options.add_option("--output-topic", output, "JSON, keyed by card")->capture_default_str();
  options.add_option("--state-dir", state_dir, "Folder of the checkpoints")->capture_default_str();
  CLI11_PARSE(options, argc, argv);

  ms::Dataflow flow{"card-spend"};
  flow.from(ms::kafka::source<Payment>({.brokers = brokers, .topic = input}))
      .event_time(&Payment::at, ms::bounded_disorder(5s))
      .key_by(&Payment::card)
      .window(ms::tumbling(1min))
      .aggregate(ms::sum(&Payment::cents))
      .to(ms::kafka::sink({.brokers = brokers, .topic = output}));
  return ms::run(flow, {.state_dir = state_dir, .checkpoint = {.interval = 1s}, .handle_signals = true}).exit_code();
}
