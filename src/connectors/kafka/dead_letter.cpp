// From a letter to the headers of its message.
#include "millstream/connectors/kafka/dead_letter.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace millstream::inline v0::kafka::detail {

std::vector<Header> headers_of(const DeadLetter& letter) {
  std::vector<Header> headers;
  if (letter.message) {
    for (const Header& each : letter.message->headers) {
      if (!each.name.starts_with(kErrorHeaders)) headers.push_back(each);
    }
  }
  const auto add = [&](std::string_view name, std::string value) {
    headers.push_back({std::string{kErrorHeaders}.append(name), std::move(value)});
  };
  const auto add_known = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) add(name, value);
  };
  const auto add_counted = [&](std::string_view name, std::uint64_t value) {
    if (value > 0) add(name, std::to_string(value));
  };
  if (letter.message) {
    add("topic", letter.message->topic);
    add("partition", std::to_string(letter.message->partition));
    add("offset", std::to_string(letter.message->offset));
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(letter.message->timestamp.time_since_epoch());
    if (letter.message->timestamp != kNoTimestamp) add("timestamp", std::to_string(ms.count()));
  } else {
    add_known("source", letter.source);
    add_counted("line", letter.line);
  }
  add_counted("column", letter.column);
  add_known("field", letter.field);
  add_known("stage", letter.stage);
  add_known("message", letter.reason);
  return headers;
}

}  // namespace millstream::inline v0::kafka::detail
