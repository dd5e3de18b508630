// What sources and sinks have in common in how they talk to brokers.
#pragma once

#include <map>
#include <string>

namespace millstream::inline v0::kafka {

/// Settings of librdkafka by its own names ("sasl.mechanism", ...; its CONFIGURATION.md lists them). They go before a
/// preset's. Those that the engine must own are refused with the reason, unknown ones too. The effective settings are
/// in the log when the job starts, secrets as "***".
using Properties = std::map<std::string, std::string>;

/// A choice of settings; docs/connectors/kafka.md has them as a table.
enum class Preset {
  kBalanced,    ///< messages wait up to 5 ms for others; lz4
  kLatency,     ///< nothing waits
  kThroughput,  ///< messages wait up to 50 ms for others, large requests; lz4
  kDurable,     ///< as kBalanced, and a message is tried for an hour before it fails the job
};

}  // namespace millstream::inline v0::kafka
