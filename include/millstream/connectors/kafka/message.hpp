// Message: a value with what Kafka keeps beside it. As the type of a source it says where each value came from; as that
// of a sink it says where each goes.
#pragma once

#include <boost/describe/class.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millstream/core/timestamp.hpp"
#include "millstream/io/record_header.hpp"

namespace millstream::inline v0::kafka {

using Header = RecordHeader;

/// The timestamp of a message that has none (those of brokers before 0.10).
inline constexpr Timestamp kNoTimestamp{std::chrono::milliseconds{-1}};

/// `kafka::source<Message<Order>>` gives orders with their circumstances; `kafka::sink` writes key, value and headers
/// of a Message, its timestamp where it has one, and to its partition where that is not negative. Topic and offset are
/// set by sources and ignored by sinks.
template <class T>
struct Message {
  T value{};
  std::optional<std::string> key = {};
  std::vector<Header> headers = {};
  Timestamp timestamp = kNoTimestamp;  ///< whole milliseconds
  std::string topic = {};
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  friend bool operator==(const Message&, const Message&) = default;
  BOOST_DESCRIBE_CLASS(Message, (), (value, key, headers, timestamp, topic, partition, offset), (), ())
};

namespace detail {
template <class T>
struct MessageOf {
  using Value = T;
  static constexpr bool kIs = false;
};
template <class T>
struct MessageOf<Message<T>> {
  using Value = T;
  static constexpr bool kIs = true;
};
}  // namespace detail

}  // namespace millstream::inline v0::kafka
