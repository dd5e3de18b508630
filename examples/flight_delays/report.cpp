// Figures of a run as text and as JSON.
#include "report.hpp"

#include <boost/describe/class.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <millstream/codec/encode.hpp>
#include <optional>

namespace {

constexpr std::uint64_t kSamplesForP9999 = 100'000;

struct Latency {
  double p50;
  double p90;
  double p99;
  double p999;
  std::optional<double> p9999;  // one sample in ten thousand says nothing before there are ten of them
  double max;
};
BOOST_DESCRIBE_STRUCT(Latency, (), (p50, p90, p99, p999, p9999, max))

struct Report {
  std::uint64_t records;
  double seconds;
  double records_per_second;
  std::uint64_t late;
  Latency latency_ms;
};
BOOST_DESCRIBE_STRUCT(Report, (), (records, seconds, records_per_second, late, latency_ms))

Report report_of(const ms::JobMetrics& metrics) {
  const auto milliseconds = [](std::chrono::nanoseconds d) {
    return std::chrono::duration<double, std::milli>{d}.count();
  };
  const auto quantile = [&](double q) { return milliseconds(metrics.latency.quantile(q)); };
  std::optional<double> p9999;
  if (metrics.latency.count() >= kSamplesForP9999) p9999 = quantile(0.9999);
  const double seconds = std::chrono::duration<double>{metrics.elapsed}.count();
  return {metrics.records_in,
          seconds,
          seconds > 0 ? std::round(static_cast<double>(metrics.records_in) / seconds) : 0,
          metrics.late_dropped,
          {quantile(0.5), quantile(0.9), quantile(0.99), quantile(0.999), p9999, milliseconds(metrics.latency.max())}};
}

// 45917 -> "45,917"
std::string with_commas(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string flights_and_late(const Report& report) {
  return with_commas(report.records) + " flights, " + with_commas(report.late) + " too late";
}

}  // namespace

std::string progress_text(const ms::JobMetrics& metrics) {
  std::string text = flights_and_late(report_of(metrics));
  const ms::StageReport* delays = metrics.stage("delays");
  if (delays != nullptr && delays->watermark > ms::Timestamp{})
    text += "; complete up to " + ms::to_string(delays->watermark);
  return text + "\n";
}

std::string report_text(const ms::JobMetrics& metrics) {
  const Report report = report_of(metrics);
  char text[128];
  std::snprintf(text, sizeof text, "; %.2f s, %s/s, latency p50 %.1f ms, p99 %.1f ms\n", report.seconds,
                with_commas(static_cast<std::uint64_t>(report.records_per_second)).c_str(), report.latency_ms.p50,
                report.latency_ms.p99);
  return flights_and_late(report) + text;
}

std::string report_json(const ms::JobMetrics& metrics) {
  std::string text;
  ms::encode_json(report_of(metrics), text);
  return text;
}
