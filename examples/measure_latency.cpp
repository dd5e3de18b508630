// The latency of your own dataflow: records come on a schedule that is fixed before the run, so that a stall shows in
// everything that fell due in it, and the recorder says how long after it was due a record's result was there.
#include <CLI/CLI.hpp>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <millstream/millstream.hpp>
#include <millstream/testing/latency_recorder.hpp>
#include <millstream/testing/open_loop.hpp>

namespace ms = millstream;
using namespace std::chrono_literals;

struct Payment {
  std::uint64_t card;
  std::int64_t cents;
  std::int64_t due_ns;  // travels along, so that the recorder knows when the payment was due
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents, due_ns))

int main(int argc, char** argv) {
  CLI::App app{"The latency of a running sum by card"};
  double rate = 20'000;
  int seconds = 1;
  std::string file;
  app.add_option("--rate", rate, "Payments a second")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--seconds", seconds, "Measured time")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--hgrm", file, "Writes the distribution to this file, as HdrHistogram's tools read it");
  CLI11_PARSE(app, argc, argv);

  const ms::testing::OpenLoop load{{.rate = rate, .duration = std::chrono::seconds{seconds}, .warmup = 200ms}};
  const ms::testing::LatencyRecorder latency{load};
  ms::Dataflow flow{"spend"};
  flow.from(load.source([](const ms::testing::Arrival& a) {
        return Payment{a.number % 1000, static_cast<std::int64_t>(a.number % 97), a.due_ns};
      }))
      .key_by(&Payment::card)
      .reduce([](const Payment& sum, const Payment& next) {
        return Payment{sum.card, sum.cents + next.cents, next.due_ns};
      })
      .to(latency.sink(&Payment::due_ns));
  const ms::JobResult result = ms::run(flow, {.shards = 1, .idle = ms::IdleStrategy::kSpin});

  const ms::LatencyHistogram seen = latency.histogram();
  std::printf("%" PRIu64 " of %" PRIu64 " payments measured\n", seen.count(), load.records());
  for (const double q : {0.5, 0.99, 0.999, 1.0}) {
    std::printf("%7.1f %%  %10.1f us\n", q * 100, static_cast<double>(seen.quantile(q).count()) / 1e3);
  }
  if (!file.empty()) std::ofstream{file} << seen.hgrm();
  return result.exit_code();
}
