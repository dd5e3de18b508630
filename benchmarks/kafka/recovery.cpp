#include "kafka/recovery.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <millstream/connectors/kafka.hpp>
#include <millstream/millstream.hpp>
#include <stdexcept>
#include <thread>

#include "kafka/broker.hpp"

namespace ms = millstream;

namespace kafka_bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Writes to the input as long as it lives.
class Writer {
 public:
  explicit Writer(const RecoverySettings& settings)
      : client_{make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", settings.job.brokers}, {"linger.ms", "1"}},
                            [](rd_kafka_t*, const rd_kafka_message_t*, void*) {})},
        begin_{Clock::now()},
        rate_{settings.rate},
        thread_{[this, &settings] { write(settings); }} {}
  ~Writer() {
    ended_ = true;
    thread_.join();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Messages that were due by then, which is when they are written.
  [[nodiscard]] std::int64_t written_by(Clock::time_point at) const {
    return std::chrono::nanoseconds{at - begin_}.count() * rate_ / 1'000'000'000;
  }

 private:
  void write(const RecoverySettings& settings) {
    for (std::int64_t i = 0; !ended_;) {
      for (const std::int64_t due = written_by(Clock::now()); i < due; ++i) {
        rd_kafka_producev(client_, RD_KAFKA_V_TOPIC(settings.job.input.c_str()),
                          RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(i % kPartitions)),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(const_cast<char*>("x"), 1),
                          RD_KAFKA_V_END);
      }
      rd_kafka_poll(client_, 1);
    }
    rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(client_);
  }

  rd_kafka_t* client_;
  Clock::time_point begin_;
  std::int64_t rate_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// The job's process.
class Worker {
 public:
  explicit Worker(const JobProcess& job) {
    const std::vector<std::string> words{"/proc/self/exe",
                                         "--brokers",
                                         job.brokers,
                                         "--job-process",
                                         std::to_string(job.number),
                                         "--input",
                                         job.input,
                                         "--output",
                                         job.output,
                                         "--state-dir",
                                         job.state_dir,
                                         "--checkpoint",
                                         std::to_string(job.checkpoint.count()) + "ms"};
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error{"there is no process for the job"};
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
  }
  ~Worker() { kill(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

/// Reads the output, and keeps when it had how many messages.
class Reader {
 public:
  explicit Reader(const JobProcess& job) : client_{make_reader(job.brokers, job.output)} {}
  ~Reader() {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Reads on until then, or until there is output of the process with that number: true.
  bool read_until(Clock::time_point end, int number) {
    while (Clock::now() < end) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, 5);
      if (message == nullptr) continue;
      const bool good = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
      const std::string value = good ? std::string{static_cast<const char*>(message->payload), message->len} : "";
      rd_kafka_message_destroy(message);
      if (good) count_one();
      if (value == std::to_string(number)) return true;
    }
    return false;
  }
  /// Messages read by then.
  [[nodiscard]] std::int64_t read_by(Clock::time_point at) const {
    const auto next = std::upper_bound(seen_.begin(), seen_.end(), at,
                                       [](Clock::time_point t, const Seen& seen) { return t < seen.at; });
    return next == seen_.begin() ? 0 : std::prev(next)->messages;
  }

 private:
  struct Seen {
    Clock::time_point at;
    std::int64_t messages;
  };
  // Messages of one millisecond stand together.
  void count_one() {
    ++messages_;
    const auto now = Clock::now();
    if (seen_.empty() || now - seen_.back().at > milliseconds{1}) seen_.push_back({now, messages_});
    seen_.back().messages = messages_;
  }

  rd_kafka_t* client_;
  std::int64_t messages_ = 0;
  std::vector<Seen> seen_;
};

}  // namespace

int run_job(const JobProcess& settings) {
  using Message = ms::kafka::Message<std::string>;
  ms::Dataflow flow{settings.output};
  flow.from(ms::kafka::source<Message>(
                {.brokers = settings.brokers, .topic = settings.input, .format = ms::kafka::Format::kRaw}))
      .map([number = std::to_string(settings.number)](Message message) {
        message.value = number;
        return message;
      })
      .to(ms::kafka::sink<Message>(
          {.brokers = settings.brokers, .topic = settings.output, .format = ms::kafka::Format::kRaw}));
  const ms::JobResult done =
      ms::run(flow, {.shards = 1, .state_dir = settings.state_dir, .checkpoint = {.interval = settings.checkpoint}});
  std::fprintf(stderr, "kafka: %s\n", done.status.to_string().c_str());
  return 2;
}

namespace {

constexpr auto kPatience = std::chrono::seconds{60};
constexpr milliseconds kRunsFor{500};
constexpr milliseconds kShift{37};  // so that kills come at different places of a checkpoint
constexpr milliseconds kStep{10};   // of the timeline

struct Kill {
  Clock::time_point at;
  Clock::time_point recovered;
};

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>{to - from}.count();
}

Recovery recovery_of(const Kill& kill, const Writer& writer, const Reader& reader) {
  Recovery found{.took_ms = ms_between(kill.at, kill.recovered)};
  const auto begin = kill.at - kRunsFor;
  const std::int64_t base = reader.read_by(begin);
  for (auto at = begin; at <= kill.recovered + kRunsFor; at += kStep) {
    found.at_ms.push_back(ms_between(kill.at, at));
    found.written.push_back(writer.written_by(at) - base);
    found.read.push_back(reader.read_by(at) - base);
  }
  return found;
}

}  // namespace

std::vector<Recovery> recoveries(const RecoverySettings& settings) {
  const Writer writer{settings};
  Reader reader{settings.job};
  JobProcess job = settings.job;
  std::vector<Kill> kills;
  for (;;) {
    ++job.number;
    Worker worker{job};
    if (!reader.read_until(Clock::now() + kPatience, job.number)) {
      throw std::runtime_error{"a job that was killed has no output"};
    }
    if (!kills.empty()) kills.back().recovered = Clock::now();
    constexpr int kNone = 0;
    static_cast<void>(reader.read_until(Clock::now() + kRunsFor + job.number * kShift, kNone));
    if (static_cast<int>(kills.size()) == settings.kills) break;
    kills.push_back({Clock::now(), {}});
    worker.kill();
  }
  std::vector<Recovery> all;
  for (const Kill& kill : kills) all.push_back(recovery_of(kill, writer, reader));
  std::error_code ignored;
  std::filesystem::remove_all(settings.job.state_dir, ignored);
  return all;
}

}  // namespace kafka_bench
