// Kill points: named places at which a test has the process kill itself, as by `kill -9`: MILLSTREAM_KILL_AT=name, or
// name:n for the nth time that it comes there. MILLSTREAM_STOP_AT has it stop there as by `kill -STOP`, until somebody
// lets it go on. A test that simulates crashes is told of them instead. Only builds with MILLSTREAM_TEST_SWITCHES have
// them; in all others nothing of them is left.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <string_view>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// All of them, in the order of a checkpoint, a recovery, a savepoint. `crash_kill` kills a job at each.
inline constexpr std::string_view kKillPoints[] = {
    "ids.before_sync",           "ids.after_sync",          "segment.before_sync",    "segment.after_sync",
    "manifest.before_rename",    "manifest.after_rename",   "decision.before",        "decision.before_rename",
    "decision.after_rename",     "decision.after",          "sinks.before_commit",    "sinks.between_commits",
    "files.between_renames",     "files.before_sync",       "retention.before",       "retention.behind_manifests",
    "recovery.before_sinks",     "recovery.between_sinks",  "recovery.behind_sinks",  "recovery.behind_settling",
    "savepoint.before_manifest", "savepoint.before_rename", "savepoint.after_rename",
};

/// The place of a name in the list; a name that is not there does not compile.
class KillPoint {
 public:
  consteval KillPoint(const char* name)  // NOLINT: implicit, so that a call reads as a name
      : number_{static_cast<std::size_t>(std::find(std::begin(kKillPoints), std::end(kKillPoints), name) -
                                         std::begin(kKillPoints))} {
    if (number_ == std::size(kKillPoints)) throw "kKillPoints has no such name";
  }
  [[nodiscard]] constexpr std::size_t number() const noexcept { return number_; }

 private:
  std::size_t number_;
};

#ifdef MILLSTREAM_TEST_SWITCHES
inline constexpr bool kHasKillPoints = true;
/// Any thread. Does not come back where the environment says so.
MILLSTREAM_EXPORT void kill_point(KillPoint here) noexcept;
/// From now on `hook` is called with the place in kKillPoints of each that is come to; null: nobody is. While no job
/// runs, and only for jobs of one thread.
MILLSTREAM_EXPORT void set_kill_point_hook(std::function<void(std::size_t)> hook);
#else
inline constexpr bool kHasKillPoints = false;
constexpr void kill_point(KillPoint) noexcept {}
#endif

}  // namespace millstream::inline v0
