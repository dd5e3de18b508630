// One run of a row: by hand, or by Millstream.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kafka_bench {

enum class Row { kCopy, kKeyed, kWindowed };

struct Run {
  Row row = Row::kCopy;
  std::string brokers;
  std::string input;
  std::string output;
  std::string name;  // of the job and its transactions, used once
  std::int64_t records = 0;
  std::chrono::milliseconds checkpoint{1000};
  bool exactly_once = true;  // else at least once; of Millstream
};

/// From the first message on, until everything is committed.
struct Cost {
  double seconds = 0;
  double cpu_seconds = 0;  // of this process; the broker is another one
};

/// Throws std::runtime_error where something fails.
[[nodiscard]] Cost run_by_hand(const Run& run);
[[nodiscard]] Cost run_by_millstream(const Run& run);

/// Begins with the first message.
class Stopwatch {
 public:
  void begin();
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  [[nodiscard]] Cost cost() const;

 private:
  bool has_begun_ = false;
  std::chrono::steady_clock::time_point at_;
  double cpu_ = 0;
};

}  // namespace kafka_bench
