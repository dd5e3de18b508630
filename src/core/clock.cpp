// The clock of the operating system.
#include "millstream/core/clock.hpp"

namespace millstream::inline v0 {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() override { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }
  std::int64_t monotonic_ns() override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace

Clock& system_clock() noexcept {
  static SystemClock clock;
  return clock;
}

}  // namespace millstream::inline v0
