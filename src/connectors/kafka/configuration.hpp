// From options to the settings of the client library, and what is wrong with them.
#pragma once

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

}  // namespace detail
}  // namespace millstream::inline v0::kafka
