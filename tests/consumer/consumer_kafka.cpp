// A user's program with the component kafka: it links, and says in words why there is no broker at port 1.
#include <chrono>
#include <iostream>
#include <millstream/connectors/kafka.hpp>
#include <millstream/stream/dataflow.hpp>
#include <string>

namespace ms = millstream;

int main() {
  ms::Dataflow flow{"consumer"};
  flow.from(ms::kafka::source<std::string>(
                {.brokers = "127.0.0.1:1", .topic = "in", .connect_timeout = std::chrono::milliseconds{200}}))
      .to(ms::kafka::sink({.brokers = "127.0.0.1:1", .topic = "out"}));
  const ms::JobResult result = ms::run(flow, {.shards = 1, .log = {}});
  std::cout << result.status.message() << '\n';
  return result.status.message().find("no answer from the brokers 127.0.0.1:1") != std::string::npos ? 0 : 1;
}
