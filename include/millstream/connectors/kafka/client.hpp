// Which client library sources and sinks talk to brokers by. Users need not know.
#pragma once

#include <memory>

#include "millstream/core/export.hpp"

namespace millstream::inline v0::kafka::detail {

/// The interface is in src/connectors/kafka/client.hpp. What stands in for brokers implements it.
class Client;

/// librdkafka.
[[nodiscard]] MILLSTREAM_EXPORT std::shared_ptr<Client> real_client();

}  // namespace millstream::inline v0::kafka::detail
