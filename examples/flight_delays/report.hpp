// What the demo says about a run in numbers.
#pragma once

#include <millstream/runtime/metrics.hpp>
#include <string>

namespace ms = millstream;

/// One line about a job that runs.
std::string progress_text(const ms::JobMetrics& metrics);
/// One line about a job that has ended.
std::string report_text(const ms::JobMetrics& metrics);
/// The same as one JSON object: records, seconds, records_per_second, late (flights too late for every window) and the
/// percentiles of latency_ms, the time from reading a flight to handing what it caused to a sink. p9999 is null
/// where there are fewer than 100,000 samples.
std::string report_json(const ms::JobMetrics& metrics);
