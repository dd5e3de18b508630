// A plain loop over the readings that follows the rules of windows, lateness, state and timers.
#include "crash/model.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "crash/victim.hpp"

namespace millstream::crash {
namespace {

namespace fs = std::filesystem;

constexpr int kFiles = 4;
constexpr int kReadingsPerFile = 1500;
constexpr std::int64_t kSensorsPerFile = 5;
constexpr std::int64_t kLateMax = 1000;  // behind the newest reading

std::string line_of(const std::string& what, std::int64_t sensor, std::int64_t number, std::int64_t at) {
  return "{\"what\":\"" + what + "\",\"sensor\":" + std::to_string(sensor) + ",\"number\":" + std::to_string(number) +
         ",\"at\":" + std::to_string(at) + "}";
}

std::vector<Reading> make_readings(int file, std::minstd_rand& random) {
  std::vector<Reading> readings;
  std::int64_t now = 10'000;
  for (int i = 0; i < kReadingsPerFile; ++i) {
    now += static_cast<std::int64_t>(random() % 12);
    const std::int64_t back = random() % 50 == 0 ? kLateMax : kDisorder;
    readings.push_back({file * kSensorsPerFile + static_cast<std::int64_t>(random() % kSensorsPerFile),
                        static_cast<std::int64_t>(random() % 100),
                        now - static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(back))});
  }
  return readings;
}

void add_expected(const std::vector<Reading>& readings, std::vector<std::string>& lines) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> windows;  // by sensor and end
  std::map<std::int64_t, std::int64_t> totals;
  std::map<std::int64_t, std::int64_t> counts;
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  std::set<std::pair<std::int64_t, std::int64_t>> timers;
  std::int64_t watermark = std::numeric_limits<std::int64_t>::min();
  for (const auto& [sensor, value, at] : readings) {
    const std::int64_t end = at / kWindow * kWindow + kWindow;
    if (end <= watermark) {
      lines.push_back(line_of("late", sensor, value, at));
    } else {
      windows[{sensor, end}] += value;
    }
    watermark = std::max(watermark, at - kDisorder);
    lines.push_back(line_of("total", sensor, totals[sensor] += value, at));
    if (++counts[sensor] % kTenth == 0) lines.push_back(line_of("tenth", sensor, counts[sensor], at));
    if (seen.insert({sensor, value}).second) lines.push_back(line_of("first", sensor, value, at));
    timers.insert({sensor, at / kTimerGrid * kTimerGrid + kTimerDelay});
  }
  for (const auto& [window, sum] : windows) lines.push_back(line_of("sum", window.first, sum, window.second));
  for (const auto& [sensor, at] : timers) lines.push_back(line_of("timer", sensor, 0, at));
}

}  // namespace

std::vector<std::string> write_input(const fs::path& folder, std::uint64_t seed) {
  std::minstd_rand random{static_cast<std::minstd_rand::result_type>(seed + 1)};
  std::vector<std::string> expected;
  fs::create_directories(folder / "input");
  for (int file = 0; file < kFiles; ++file) {
    const std::vector<Reading> readings = make_readings(file, random);
    std::ofstream out{folder / "input" / (std::to_string(file) + ".csv")};
    out << "sensor,value,at\n";
    for (const auto& [sensor, value, at] : readings) out << sensor << ',' << value << ',' << at << '\n';
    add_expected(readings, expected);
  }
  std::sort(expected.begin(), expected.end());
  return expected;
}

std::vector<std::string> lines_seen(const fs::path& folder) {
  std::vector<std::string> lines;
  std::error_code none;  // where nothing was written yet there is no such folder
  for (const auto& entry : fs::recursive_directory_iterator{folder / "output", none}) {
    if (!entry.is_regular_file() || entry.path().filename().string().starts_with('.')) continue;
    std::ifstream in{entry.path()};
    for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string beyond(const std::vector<std::string>& lines, const std::vector<std::string>& others) {
  std::vector<std::string> more;
  std::set_difference(lines.begin(), lines.end(), others.begin(), others.end(), std::back_inserter(more));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(more.size(), 10); ++i) text += "  " + more[i] + "\n";
  if (more.size() > 10) text += "  and " + std::to_string(more.size() - 10) + " more\n";
  return text;
}

}  // namespace millstream::crash
