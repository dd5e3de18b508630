// What a trigger says about itself.
#include "millstream/window/trigger.hpp"

#include "window/duration_text.hpp"

namespace millstream::inline v0 {

Status Trigger::validate() const {
  if (has_early_records_ && early_records_ == 0) {
    return {ErrorCode::kInvalidArgument, "a trigger for each 0 records never fires: give at least 1"};
  }
  if ((has_early_interval_ && early_interval_ <= Duration{0}) ||
      (has_early_interval_event_ && early_interval_event_ <= Duration{0})) {
    return {ErrorCode::kInvalidArgument, describe() + ": give an interval of at least 1us"};
  }
  return {};
}

std::string Trigger::describe() const {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ".") + part; };
  if (has_early_records_) add("early_every(" + std::to_string(early_records_) + ")");
  if (has_early_interval_) add("early_interval(" + detail::duration_text(early_interval_) + ")");
  if (has_early_interval_event_) add("early_interval_event(" + detail::duration_text(early_interval_event_) + ")");
  return text.empty() ? "on_watermark()" : text;
}

}  // namespace millstream::inline v0
