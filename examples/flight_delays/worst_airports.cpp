// Choosing and formatting the rows of the table.
#include "worst_airports.hpp"

#include <algorithm>
#include <cstdio>
#include <tuple>
#include <vector>

namespace {

// "2001-03-05T15:00:00Z" -> "03-05 15:00"
std::string day_and_time(ms::Timestamp t) { return ms::to_string(t).replace(10, 1, " ").substr(5, 11); }
std::string time_of_day(ms::Timestamp t) { return ms::to_string(t).substr(11, 5); }

std::string line(const Delays& delays) {
  const WorstFlight& worst = delays.worst.front();
  char text[128];
  std::snprintf(text, sizeof text, " %-6s%s-%s%8lld%9.1f%9.1f  %+d min to %s at %s\n", delays.origin.c_str(),
                day_and_time(delays.window_start).c_str(), time_of_day(delays.window_end).c_str(),
                static_cast<long long>(delays.flights), delays.mean_delay_minutes, delays.p95_delay_minutes,
                worst.delay_minutes, worst.destination.c_str(), time_of_day(worst.scheduled_at).c_str());
  return text;
}

}  // namespace

void WorstAirports::update(const Delays& delays) {
  const std::scoped_lock lock{mutex_};
  latest_.insert_or_assign({delays.origin, delays.window_start}, delays);
}

std::string WorstAirports::table() const {
  std::vector<const Delays*> rows;
  const std::scoped_lock lock{mutex_};
  for (const auto& [window, delays] : latest_) {
    if (delays.flights < kFlightsMin) continue;
    // The windows of an airport stand side by side.
    if (rows.empty() || rows.back()->origin != delays.origin) {
      rows.push_back(&delays);
    } else if (delays.mean_delay_minutes > rows.back()->mean_delay_minutes) {
      rows.back() = &delays;
    }
  }
  const auto worse = [](const Delays* a, const Delays* b) {
    return std::tie(b->mean_delay_minutes, a->origin) < std::tie(a->mean_delay_minutes, b->origin);
  };
  const std::size_t shown = std::min(rows.size(), kRows);
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(shown), rows.end(), worse);

  std::string text = "The worst three hours of each airport so far (20 flights or more), by mean delay\n";
  text += " from  three hours       flights mean min 95 % min  worst flight\n";
  for (std::size_t i = 0; i < shown; ++i) text += line(*rows[i]);
  return text;
}
