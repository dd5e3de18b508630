// One message as the client library holds it. Users want kafka/source.hpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace millstream::inline v0::kafka::detail {

/// Valid until more messages are asked for.
struct MessageView {
  std::string_view value = {};
  std::string_view key = {};
  bool has_value = false;  ///< a message without is a tombstone
  bool has_key = false;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  const void* native = nullptr;  ///< the client's own, for headers
};

}  // namespace millstream::inline v0::kafka::detail
