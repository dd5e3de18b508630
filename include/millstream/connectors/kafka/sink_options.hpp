// The options of a sink that do not depend on the type of its records. Users want kafka/sink.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "millstream/connectors/kafka/options.hpp"

namespace millstream::inline v0::kafka {

/// What a sink promises about what it was given.
enum class Guarantee {
  /// Whatever fails, readers of committed messages see every result once: output, the offsets of the sources and the
  /// name of the checkpoint are one transaction for each checkpoint. Needs checkpoints (RunOptions::state_dir). All
  /// such sinks of a job write in that transaction, so they name the same brokers. The default in a job with
  /// checkpoints.
  kExactlyOnce,
  /// Every record is in the topic at least once; after a restart those since the last checkpoint may be there again.
  /// The default in a job without checkpoints.
  kAtLeastOnce,
  /// Records may be lost: a failed delivery is counted in the log, and no checkpoint waits for deliveries. Only the end
  /// of the input does.
  kNone,
};

namespace detail {

/// Below, a sink could not hold one message of the size that brokers take by default.
inline constexpr std::size_t kBufferBytesMin = std::size_t{1} << 20;
/// Above, the client's own limit of ten million messages could be reached first by those that are empty.
inline constexpr std::size_t kBufferBytesMax = std::size_t{1} << 30;

struct WriterOptions {
  std::string brokers = {};
  std::string topic = {};
  std::optional<Guarantee> guarantee = {};
  std::string group = {};
  std::uint32_t instance = 0;
  std::chrono::milliseconds transaction_timeout{0};
  std::size_t buffer_bytes_max = 0;
  std::chrono::milliseconds connect_timeout{0};
  Preset preset = Preset::kBalanced;
  Properties properties = {};
};

}  // namespace detail
}  // namespace millstream::inline v0::kafka
