// Dead letters as messages. A sink for them writes the message again that could not be used, to another topic: its
// bytes, key and headers, and behind these headers that say where it stood and what is wrong:
//
//   auto payments = flow.from(ms::kafka::source<Payment>({.brokers = brokers, .topic = "payments",
//                                                         .on_bad_record = ms::OnError::kDeadLetter}));
//   payments.side_output(ms::dead_letters).to(ms::kafka::sink({.brokers = brokers, .topic = "bad-payments"}));
//
// Letters of other sources and stages have no key, and the source and the line in the place of topic, partition and
// offset. With .format = Format::kJson a message is the whole letter as JSON instead.
#pragma once

#include <string_view>
#include <vector>

#include "millstream/connectors/kafka/message.hpp"
#include "millstream/core/export.hpp"
#include "millstream/io/dead_letter.hpp"

namespace millstream::inline v0::kafka {

/// How the names of these headers begin. Behind it comes
///   topic, partition, offset, timestamp (ms)   of the message
///   source, line                               of a record that was none
///   column, field, stage, message              what is wrong, and who found it
/// A header is left out where there is nothing to say. Numbers are decimal.
inline constexpr std::string_view kErrorHeaders = "__millstream.errors.";

namespace detail {

/// The letter's own headers, and those above. Of a message that has been a letter before, only the newest of those.
[[nodiscard]] MILLSTREAM_EXPORT std::vector<Header> headers_of(const DeadLetter& letter);

}  // namespace detail
}  // namespace millstream::inline v0::kafka
