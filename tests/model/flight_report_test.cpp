// The demo's closing JSON: percentiles only where there are enough samples for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flight_delays/report.hpp"

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string json_of(std::uint64_t samples) {
  ms::JobMetrics metrics;
  metrics.elapsed = 2s;
  metrics.records_in = 10;
  metrics.latency.record_n(3ms, samples);
  return report_json(metrics);
}

TEST(FlightReport, SaysP9999FromAHundredThousandSamplesOn) {
  EXPECT_THAT(json_of(99'999), HasSubstr("\"p9999\":null,\"max\":3"));
  EXPECT_THAT(json_of(100'000), testing::ContainsRegex("\"p9999\":(3|3[.]0[0-9]*|2[.]99[0-9]*),"));
  EXPECT_THAT(json_of(0), HasSubstr("\"p9999\":null"));
}

}  // namespace
