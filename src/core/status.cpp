// Texts of Status.
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kOk:
      return "ok";
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kInvalidData:
      return "invalid_data";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kUserFailure:
      return "user_failure";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

Status Status::at(std::string_view place) const {
  if (ok()) return *this;
  const std::string_view message = message_;
  for (std::size_t end = message.find(':'); end != std::string_view::npos; end = message.find(':', end + 1)) {
    const std::string_view same = message.substr(0, end);
    if (!place.ends_with(same)) continue;
    const std::string_view before = place.substr(0, place.size() - same.size());
    if (before.empty() || before.ends_with(' ')) return {code_, std::string{before} + message_};
  }
  return {code_, std::string{place} + ": " + message_};
}

std::string Status::to_string() const {
  if (ok()) return "ok";
  return std::string{millstream::to_string(code_)} + ": " + message_;
}

}  // namespace millstream::inline v0
