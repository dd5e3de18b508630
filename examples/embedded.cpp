// A dataflow inside a host program: the program starts the job, goes on with its own work, asks how the job is doing,
// and drains it, so that the windows which are open fire before it ends.
#include <cinttypes>
#include <cstdio>
#include <millstream/connectors/generator.hpp>
#include <millstream/connectors/memory.hpp>
#include <millstream/millstream.hpp>
#include <thread>

namespace ms = millstream;
using namespace std::chrono_literals;

struct Request {
  std::uint32_t route;
  std::int64_t bytes;
};
BOOST_DESCRIBE_STRUCT(Request, (), (route, bytes))

int main() {
  ms::Dataflow flow{"traffic"};
  auto traffic = ms::memory::sink<ms::WindowResult<std::uint32_t, std::int64_t>>();
  flow.from(ms::generator::source<Request>({.make =
                                                [](std::uint64_t, ms::Random& random) {
                                                  return Request{static_cast<std::uint32_t>(random.between(0, 9)),
                                                                 static_cast<std::int64_t>(random.between(100, 9'000))};
                                                },
                                            .rate = 20'000}))
      .event_time(ms::monotonic())
      .key_by(&Request::route)
      .window(ms::tumbling(1h))  // far from its end when the host stops: drain() fires it
      .aggregate(ms::sum(&Request::bytes))
      .to(traffic);

  ms::Job job = ms::start(flow, {.shards = 2});
  while (job.metrics().records_in < 5'000 && !job.wait_for(0s)) {
    std::this_thread::sleep_for(20ms);  // the host's own work
  }
  const ms::JobMetrics now = job.metrics();
  std::printf("while it runs: %" PRIu64 " requests read, %" PRIu64 " results\n", now.records_in, now.records_out);

  job.drain();
  const ms::JobResult result = job.wait();
  std::int64_t bytes = 0;
  for (const auto& route : traffic.records()) bytes += route.value;
  std::printf("drained: %s, %" PRIu64 " requests, %zu results, %.1f MB\n", to_string(result.state).data(),
              result.metrics.records_in, traffic.size(), static_cast<double>(bytes) / 1e6);
  return result.exit_code();
}
