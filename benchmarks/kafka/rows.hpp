// One run of a row: by hand, or by Millstream.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace kafka_bench {

enum class Row { kCopy, kKeyed, kWindowed };

struct Run {
  Row row = Row::kCopy;
  std::string brokers = {};
  std::string input = {};
  std::string output = {};
  std::string name = {};  // of the job and its transactions, used once
  std::int64_t records = 0;
  std::chrono::milliseconds checkpoint{1000};
  bool exactly_once = true;                              // else at least once; of Millstream
  std::int64_t pace = 0;                                 // messages a second that are taken; 0 = as many as there are
  std::size_t fetch_bytes_max = std::size_t{256} << 20;  // fetched and not yet taken, all partitions
};

/// From the first message on, until everything is committed.
struct Cost {
  double seconds = 0;
  double cpu_seconds = 0;  // of this process; the broker is another one
  double behind_ms = 0;    // the pace, at most; without a pace 0
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
  /// One more message was taken: sleeps where that is ahead of `pace`, which may be 0, and notes by how much it is
  /// behind.
  void keep_to(std::int64_t pace);

 private:
  bool has_begun_ = false;
  std::int64_t taken_ = 0;
  std::chrono::steady_clock::duration behind_{0};
  std::chrono::steady_clock::time_point at_;
  double cpu_ = 0;
};

}  // namespace kafka_bench
