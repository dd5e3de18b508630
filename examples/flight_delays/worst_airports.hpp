// WorstAirports: the table of the demo. It takes the results of all windows, keeps the latest one of each window and
// airport, and lists the airports by the worst three hours they have had.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "flight.hpp"

/// A thread that draws and the shards that write may use it at the same time.
class WorstAirports {
 public:
  /// Fewer flights than this in a window are an accident, not a bad day.
  static constexpr std::int64_t kFlightsMin = 20;
  static constexpr std::size_t kRows = 10;
  /// Lines of table() at the most.
  static constexpr int kLines = kRows + 2;

  void update(const Delays& delays);
  /// Lines of at most 80 columns.
  [[nodiscard]] std::string table() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, ms::Timestamp>, Delays> latest_;  // by origin and start of the window
};

/// The sink that fills the table. All copies share it.
struct TableSink {
  std::shared_ptr<WorstAirports> table;
  void write(const Delays& delays) { table->update(delays); }
};
