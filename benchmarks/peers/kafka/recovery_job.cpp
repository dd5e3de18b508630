#include <cstdio>
#include <millstream/connectors/kafka.hpp>
#include <millstream/millstream.hpp>

#include "kafka/broker.hpp"
#include "peers/kafka/recovery.hpp"

namespace ms = millstream;

namespace peers {

int run_recovery_job(const RecoveryJob& settings) {
  using Message = ms::kafka::Message<std::string>;
  ms::Dataflow flow{settings.output};
  flow.from(ms::kafka::source<Message>(
                {.brokers = settings.brokers, .topic = settings.input, .format = ms::kafka::Format::kRaw}))
      .key_by([](const Message& message) { return *message.key; })
      .aggregate(ms::count())
      .map([number = std::to_string(settings.number)](const ms::KeyedResult<std::string, std::int64_t>& counted) {
        std::string value = number;
        value.append(" ").append(std::to_string(counted.value));
        const auto partition = static_cast<std::int32_t>(std::stoll(counted.key) % kafka_bench::kPartitions);
        return Message{.value = std::move(value), .key = counted.key, .partition = partition};
      })
      .to(ms::kafka::sink<Message>({.brokers = settings.brokers,
                                    .topic = settings.output,
                                    .format = ms::kafka::Format::kRaw,
                                    .guarantee = ms::kafka::Guarantee::kExactlyOnce}));
  const ms::JobResult done =
      ms::run(flow, {.shards = 1, .state_dir = settings.folder, .checkpoint = {.interval = settings.checkpoint}});
  std::fprintf(stderr, "peers_kafka: %s\n", done.status.to_string().c_str());
  return 1;
}

}  // namespace peers
