// The records of the demo: what is read, and what is written for each firing of a window and for each late flight.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <millstream/window/window_result.hpp>
#include <string>
#include <vector>

namespace ms = millstream;

/// A row of the input.
struct Flight {
  ms::Timestamp scheduled_at;
  std::int32_t delay_minutes;  ///< negative = early
  std::int32_t distance_miles;
  std::string origin;  ///< IATA codes
  std::string destination;
};
BOOST_DESCRIBE_STRUCT(Flight, (), (scheduled_at, delay_minutes, distance_miles, origin, destination))

struct WorstFlight {
  std::int32_t delay_minutes;
  ms::Timestamp scheduled_at;
  std::string destination;
};
BOOST_DESCRIBE_STRUCT(WorstFlight, (), (delay_minutes, scheduled_at, destination))

/// The delays of the flights that were to leave one airport in one window: a line of the output.
struct Delays {
  ms::Timestamp window_start;
  ms::Timestamp window_end;
  std::string origin;
  std::int64_t flights;
  double mean_delay_minutes;
  double p95_delay_minutes;  ///< within 1 % of the exact one
  std::vector<WorstFlight> worst;
  std::int64_t pane;  ///< how often this window and origin fired before
  ms::PaneTiming timing;
};
BOOST_DESCRIBE_STRUCT(Delays, (),
                      (window_start, window_end, origin, flights, mean_delay_minutes, p95_delay_minutes, worst, pane,
                       timing))

/// A flight that came too late for all of its windows.
struct LateFlight {
  ms::Timestamp scheduled_at;
  std::int32_t delay_minutes;
  std::int32_t distance_miles;
  std::string origin;
  std::string destination;
  std::int64_t late_by_minutes;  ///< behind the watermark
};
BOOST_DESCRIBE_STRUCT(LateFlight, (),
                      (scheduled_at, delay_minutes, distance_miles, origin, destination, late_by_minutes))
