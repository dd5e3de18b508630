// The parts of a producer that one with transactions has, too.
#pragma once

#include <memory>

#include "connectors/kafka/client.hpp"
#include "connectors/kafka/librdkafka_handle.hpp"

namespace millstream::inline v0::kafka::detail {

[[nodiscard]] Result<std::shared_ptr<LibrdkafkaHandle>> producer_handle(const Configuration& configuration);
/// Writes by that handle.
[[nodiscard]] std::unique_ptr<Producer> producer_on(std::shared_ptr<LibrdkafkaHandle> handle);

}  // namespace millstream::inline v0::kafka::detail
