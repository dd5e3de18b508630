// Which client library sources and sinks talk to brokers by. Users need not know.
#pragma once

#include <memory>
#include <string>

#include "millstream/core/export.hpp"

namespace millstream::inline v0::kafka::detail {

/// The interface is in src/connectors/kafka/client.hpp. What stands in for brokers implements it.
class Client;

/// What sources and sinks of the same cluster have in common: "kafka:" and the brokers, sorted. A cluster that two of
/// them name by different brokers has two names; a sink that is exactly once asks brokers whether it is one.
[[nodiscard]] MILLSTREAM_EXPORT std::string cluster_name(const std::string& brokers);

/// librdkafka.
[[nodiscard]] MILLSTREAM_EXPORT std::shared_ptr<Client> real_client();

}  // namespace millstream::inline v0::kafka::detail
