// How a process ends, or is stopped, at a kill point.
#include "core/kill_points.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <utility>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {
namespace {

struct Target {
  std::size_t number = std::size(kKillPoints);  // none of them
  std::atomic<long> times_left{1};

  explicit Target(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return;
    const std::string_view all{text};
    const std::size_t colon = std::min(all.find(':'), all.size());
    const auto* found = std::find(std::begin(kKillPoints), std::end(kKillPoints), all.substr(0, colon));
    number = static_cast<std::size_t>(found - std::begin(kKillPoints));
    MILLSTREAM_ASSERT(number < std::size(kKillPoints));
    if (colon < all.size()) times_left = std::atol(text + colon + 1);
  }
  bool reached(KillPoint here) noexcept { return here.number() == number && --times_left == 0; }
};

std::function<void(std::size_t)> told;

}  // namespace

void set_kill_point_hook(std::function<void(std::size_t)> hook) { told = std::move(hook); }

void kill_point(KillPoint here) noexcept {
  static Target stop_at{"MILLSTREAM_STOP_AT"};
  static Target kill_at{"MILLSTREAM_KILL_AT"};
  if (told) told(here.number());
  if (stop_at.reached(here)) ::raise(SIGSTOP);  // this thread, before it does more; the others with it
  if (!kill_at.reached(here)) return;
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

}  // namespace millstream::inline v0
