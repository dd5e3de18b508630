// The same by Millstream.
#include <filesystem>
#include <millstream/connectors/kafka.hpp>
#include <millstream/millstream.hpp>
#include <stdexcept>

#include "kafka/broker.hpp"
#include "kafka/rows.hpp"

namespace ms = millstream;

namespace kafka_bench {
namespace {

using Message = ms::kafka::Message<std::string>;
using namespace std::chrono_literals;

Message result(const std::string& key, std::string value) {
  return {.value = std::move(value), .key = key, .partition = static_cast<std::int32_t>(std::stoll(key) % kPartitions)};
}

template <class T>
void write(const ms::Stream<T>& stream, const Run& run) {
  stream.to(ms::kafka::sink<T>(
      {.brokers = run.brokers,
       .topic = run.output,
       .format = ms::kafka::Format::kRaw,
       .guarantee = run.exactly_once ? ms::kafka::Guarantee::kExactlyOnce : ms::kafka::Guarantee::kAtLeastOnce}));
}

}  // namespace

Cost run_by_millstream(const Run& run) {
  Stopwatch watch;
  ms::Dataflow flow{run.name};
  auto input = flow.from(ms::kafka::source<Message>({.brokers = run.brokers,
                                                     .topic = run.input,
                                                     .stop_at_end = true,
                                                     .format = ms::kafka::Format::kRaw,
                                                     .fetch_bytes_max = run.fetch_bytes_max}));
  // One shard, so one thread has the watch.
  auto timed = input.filter([&watch, pace = run.pace](const Message&) {
    if (!watch.has_begun()) watch.begin();
    watch.keep_to(pace);
    return true;
  });
  const auto key = [](const Message& message) { return *message.key; };
  if (run.row == Row::kCopy) {
    write(timed, run);
  } else if (run.row == Row::kKeyed) {
    write(timed.key_by(key).aggregate(ms::count()).map([](const ms::KeyedResult<std::string, std::int64_t>& counted) {
      return result(counted.key, std::to_string(counted.value));
    }),
          run);
  } else {
    write(timed.event_time([](const Message& message) { return message.timestamp; }, ms::monotonic())
              .key_by(key)
              .window(ms::tumbling(std::chrono::milliseconds{kWindowMs}))
              .aggregate(ms::count())
              .map([](const ms::WindowResult<std::string, std::int64_t>& counted) {
                const auto start =
                    std::chrono::duration_cast<std::chrono::milliseconds>(counted.window_start.time_since_epoch());
                return result(counted.key, std::to_string(start.count()) + " " + std::to_string(counted.value));
              }),
          run);
  }
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / run.name;
  const ms::JobResult done =
      ms::run(flow, {.shards = 1, .state_dir = folder.string(), .checkpoint = {.interval = run.checkpoint}});
  const Cost cost = watch.cost();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (!done.ok()) throw std::runtime_error{done.status.to_string()};
  return cost;
}

}  // namespace kafka_bench
