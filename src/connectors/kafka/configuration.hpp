// From options to the settings of the client library, and what is wrong with them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "millstream/connectors/kafka/options.hpp"
#include "millstream/connectors/kafka/sink_options.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::kafka {

struct SourceOptions;

namespace detail {

/// Settings by librdkafka's names; what is not there has librdkafka's default.
struct Configuration {
  std::map<std::string, std::string> properties;
  /// "name=value, name=value", with "***" for secrets.
  [[nodiscard]] std::string text() const;
};

/// The first librdkafka (as rd_kafka_version() counts) that can be told how long to pause after a reached fetch limit.
inline constexpr std::uint32_t kFetchBackoffVersion = 0x02020000;

/// For a source that reads `partitions` partitions at once, with a librdkafka of `version`. All mistakes are reported
/// at once.
[[nodiscard]] Result<Configuration> consumer_configuration(const SourceOptions& options, std::size_t partitions,
                                                           std::uint32_t version);
[[nodiscard]] Result<Configuration> producer_configuration(const WriterOptions& options);
/// With transactions of that id, whatever the options' guarantee. `timeout`: what transaction_timeout() says.
[[nodiscard]] Result<Configuration> transaction_configuration(WriterOptions options, const std::string& id,
                                                              std::chrono::milliseconds timeout);
/// Of a client that reads what a group has committed. `options` are in order.
[[nodiscard]] Configuration group_configuration(const WriterOptions& options, const std::string& group);

/// How every cluster_name() begins; behind it are the brokers.
inline constexpr std::string_view kClusterHead = "kafka:";

/// Some broker is in both lists, as they spell it: then both are of one cluster.
[[nodiscard]] bool share_a_broker(const std::string& some, const std::string& others);

/// How long a transaction may be open: as `wanted`, or where that is 0, four times the checkpoint interval and the
/// checkpoint timeout, at least a minute and at most the 15 that brokers allow by default.
[[nodiscard]] std::chrono::milliseconds transaction_timeout(std::chrono::milliseconds wanted,
                                                            std::chrono::nanoseconds interval,
                                                            std::chrono::nanoseconds checkpoint_timeout);

}  // namespace detail
}  // namespace millstream::inline v0::kafka
