#include "kafka/end_to_end.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <millstream/connectors/kafka.hpp>
#include <millstream/millstream.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "kafka/broker.hpp"

namespace ms = millstream;

namespace kafka_bench {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t now_ns() { return std::chrono::nanoseconds{Clock::now().time_since_epoch()}.count(); }

/// Writes each message when it is due; its first bytes say when that was.
void write_paced(const EndToEndSettings& settings, std::int64_t count) {
  rd_kafka_t* writer = make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", settings.broker}, {"linger.ms", "1"}},
                                   [](rd_kafka_t*, const rd_kafka_message_t*, void*) {});
  std::vector<char> value(std::max(settings.bytes, sizeof(std::int64_t)), 'x');
  const std::int64_t begin = now_ns();
  for (std::int64_t i = 0; i < count;) {
    const std::int64_t due_count = std::min(count, (now_ns() - begin) * settings.rate / 1'000'000'000);
    for (; i < due_count; ++i) {
      const std::int64_t due = begin + i * 1'000'000'000 / settings.rate;
      std::memcpy(value.data(), &due, sizeof due);
      while (rd_kafka_producev(writer, RD_KAFKA_V_TOPIC(settings.input.c_str()),
                               RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(i % kPartitions)),
                               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value.data(), value.size()),
                               RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(writer, 1);
      }
    }
    rd_kafka_poll(writer, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  rd_kafka_flush(writer, 60'000);
  rd_kafka_destroy(writer);
}

/// Ages of all `count` messages, in the order in which they came.
std::vector<std::int64_t> read_ages(const EndToEndSettings& settings, std::int64_t count) {
  rd_kafka_t* reader = make_reader(settings.broker, settings.output);
  std::vector<std::int64_t> ages;
  ages.reserve(static_cast<std::size_t>(count));
  auto last = Clock::now();
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(reader);
  std::vector<rd_kafka_message_t*> messages(1000);  // a call for each would make its own share of the age
  while (static_cast<std::int64_t>(ages.size()) < count && Clock::now() - last < std::chrono::seconds{60}) {
    const ssize_t came = rd_kafka_consume_batch_queue(queue, 100, messages.data(), messages.size());
    const std::int64_t now = now_ns();
    for (ssize_t i = 0; i < came; ++i) {
      const rd_kafka_message_t* message = messages[static_cast<std::size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        std::int64_t due = 0;
        std::memcpy(&due, message->payload, sizeof due);
        ages.push_back(now - due);
        last = Clock::now();
      }
      rd_kafka_message_destroy(messages[static_cast<std::size_t>(i)]);
    }
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(reader);
  rd_kafka_destroy(reader);
  return ages;
}

}  // namespace

EndToEnd end_to_end(const EndToEndSettings& settings) {
  using Message = ms::kafka::Message<std::string>;
  ms::Dataflow flow{settings.output};
  flow.from(ms::kafka::source<Message>(
                {.brokers = settings.broker, .topic = settings.input, .format = ms::kafka::Format::kRaw}))
      .to(ms::kafka::sink<Message>(
          {.brokers = settings.broker, .topic = settings.output, .format = ms::kafka::Format::kRaw}));
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / settings.output;
  ms::Job job =
      ms::start(flow, {.shards = 1, .state_dir = folder.string(), .checkpoint = {.interval = settings.checkpoint}});
  // The first start looks twice, which takes two seconds.
  std::this_thread::sleep_for(std::chrono::seconds{4});
  const std::int64_t count = settings.rate * settings.seconds;
  std::vector<std::int64_t> ages;
  std::thread reader{[&] { ages = read_ages(settings, count); }};
  write_paced(settings, count);
  reader.join();
  job.stop();
  const ms::JobResult result = job.wait();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (!result.ok()) throw std::runtime_error{result.status.to_string()};
  if (static_cast<std::int64_t>(ages.size()) != count) throw std::runtime_error{"messages are missing in the output"};
  const std::int64_t warm = settings.seconds > 1 ? settings.rate : 0;
  ages.erase(ages.begin(), ages.begin() + warm);
  std::sort(ages.begin(), ages.end());
  const auto at = [&](double part) {
    return static_cast<double>(ages[static_cast<std::size_t>(part * static_cast<double>(ages.size() - 1))]) * 1e-6;
  };
  return {at(0.5), at(0.99), static_cast<std::int64_t>(ages.size())};
}

}  // namespace kafka_bench
