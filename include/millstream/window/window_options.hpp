// WindowOptions: what holds for a window of any kind: how late records may be, when and what it gives out.
#pragma once

#include <optional>
#include <string>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/window/trigger.hpp"

namespace millstream::inline v0 {

struct WindowOptions {
  /// A window takes records while its end plus this is ahead of the watermark; later ones go to `late_records`.
  Duration allowed_lateness{0};
  /// Each result holds only what came since the one before; otherwise everything so far.
  bool discarding = false;
  Trigger trigger{};
  /// A record is late by the watermark of the whole stage, not by that of its own split, and for a session by the one
  /// that it would be in, not by its own gap: keeps more records, but which ones then depends on how fast the splits
  /// are read.
  bool late_by_merged = false;
  /// When nothing has come in for this long (wall clock) on any shard of the stage, it goes on as if the watermark had
  /// reached the end of its last window: all windows fire, and records that still come for them are late by the
  /// ordinary rules. Windows that no watermark ends (global ones, or by the wall clock) give out what is new, as by an
  /// early trigger, and stay open. A stage that is held back by a slow sink is not silent.
  std::optional<Duration> close_after{};

  [[nodiscard]] MILLSTREAM_EXPORT Status validate() const;
  /// ".allowed_lateness(2h).discarding()", empty for the defaults; for Dataflow::describe().
  [[nodiscard]] MILLSTREAM_EXPORT std::string describe() const;
  /// Divides the lateness, and is 1 ms for a trigger in event time: what the job's watermark step must divide besides
  /// the windows' boundaries; zero where nothing is asked of it.
  [[nodiscard]] MILLSTREAM_EXPORT Duration boundary_step() const;
};

}  // namespace millstream::inline v0
