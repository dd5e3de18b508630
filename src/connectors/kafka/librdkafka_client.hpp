// librdkafka behind the client interface: the C API with batch calls.
#pragma once

#include <memory>

#include "connectors/kafka/client.hpp"

namespace millstream::inline v0::kafka::detail {

[[nodiscard]] Result<std::unique_ptr<Consumer>> librdkafka_consumer(const Configuration& configuration);
[[nodiscard]] Result<std::unique_ptr<Producer>> librdkafka_producer(const Configuration& configuration);
[[nodiscard]] Result<std::unique_ptr<Transactions>> librdkafka_transactions(const Configuration& configuration);
[[nodiscard]] std::uint32_t librdkafka_version();

}  // namespace millstream::inline v0::kafka::detail
