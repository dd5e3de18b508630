// What window options say about themselves.
#include "millstream/window/window_options.hpp"

#include "millstream/window/window.hpp"
#include "window/duration_text.hpp"

namespace millstream::inline v0 {

Status WindowOptions::validate() const {
  if (allowed_lateness < Duration{0}) {
    return {ErrorCode::kInvalidArgument,
            "allowed_lateness must not be negative, it is " + detail::duration_text(allowed_lateness)};
  }
  if (close_after && *close_after <= Duration{0}) {
    return {ErrorCode::kInvalidArgument, "close_after must be at least 1us of wall-clock time"};
  }
  return trigger.validate();
}

std::string WindowOptions::describe() const {
  std::string text;
  if (allowed_lateness != Duration{0}) text += ".allowed_lateness(" + detail::duration_text(allowed_lateness) + ")";
  if (!trigger.on_watermark_only()) text += ".trigger(" + trigger.describe() + ")";
  if (discarding) text += ".discarding()";
  if (late_by_merged) text += ".keep_while_open()";
  if (close_after) text += ".close_after(" + detail::duration_text(*close_after) + ")";
  return text;
}

Duration WindowOptions::boundary_step() const {
  if (trigger.early_interval_event() == Duration{0}) return allowed_lateness;
  return detail::common_divisor(kFinestStep, allowed_lateness);
}

}  // namespace millstream::inline v0
