// Sinks of one job that are exactly once write by one client, in one transaction: which options they must agree in.
#pragma once

#include <string>

#include "millstream/connectors/kafka/sink_options.hpp"

namespace millstream::inline v0::kafka::detail {

/// Empty: one client can write for both. Else why not, as a clause. .group, .transaction_timeout and .properties may be
/// left out by one of them.
[[nodiscard]] std::string why_not_joined(const WriterOptions& first, const WriterOptions& second);
/// What the client has where it writes for both; the topic is that of `first`.
[[nodiscard]] WriterOptions joined(WriterOptions first, const WriterOptions& second);

}  // namespace millstream::inline v0::kafka::detail
