// Doubling and bisecting rates.
#include "latency/sweep.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace latency {
namespace {

constexpr double kFirstRate = 10'000;
constexpr double kRateMax = 1e9;  // where a record is due each nanosecond
constexpr int kTries = 2;         // a machine that is shared with others may lose some milliseconds in any one

bool is_sustained(Settings settings, double rate) {
  settings.rate = rate;
  for (int i = 0; i < kTries; ++i) {
    const Round round = run_round(settings, false);
    if (!round.equal) throw std::runtime_error{"the results are wrong at " + std::to_string(rate) + " records/s"};
    const auto p99 = round.latency.quantile(0.99);
    const bool sustained = p99 <= kSustainedDelay && round.behind <= kSustainedDelay;
    std::printf("  %12.0f records/s: p99 %10.3f ms, last record %10.3f ms late: %s\n", rate,
                std::chrono::duration<double, std::milli>(p99).count(),
                std::chrono::duration<double, std::milli>(round.behind).count(),
                sustained ? "sustained" : "not sustained");
    std::fflush(stdout);
    if (sustained) return true;
  }
  return false;
}

}  // namespace

double find_sustainable(Settings settings) {
  // Long enough for a backlog that grows by a third of a percent to show.
  settings.duration = std::min<std::chrono::nanoseconds>(settings.duration, std::chrono::seconds{3});
  std::printf("sustainable throughput: p99 and the last record at most %lld ms late, %g s behind %g s of warm-up\n",
              static_cast<long long>(kSustainedDelay.count()), std::chrono::duration<double>(settings.duration).count(),
              std::chrono::duration<double>(settings.warmup).count());
  double sustained = 0;
  double failed = kFirstRate;
  while (is_sustained(settings, failed)) {
    sustained = failed;
    failed *= 2;
    if (failed > kRateMax) return sustained;
  }
  if (sustained == 0) throw std::runtime_error{"not even 10,000 records/s are sustained: is the machine busy?"};
  while (failed > sustained * kSweepPrecision) {
    const double middle = (failed + sustained) / 2;
    (is_sustained(settings, middle) ? sustained : failed) = middle;
  }
  std::printf("sustainable: %.0f records/s\n\n", sustained);
  return sustained;
}

}  // namespace latency
