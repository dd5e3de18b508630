#include "peers/kafka/recovery.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "kafka/broker.hpp"

namespace peers {
namespace {

using Clock = std::chrono::steady_clock;
using kafka_bench::kPartitions;

constexpr std::int64_t kKeys = 1000;
constexpr auto kPatience = std::chrono::minutes{3};  // a JVM on a busy machine takes its time

double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

/// Writes to the input as long as it lives.
class Writer {
 public:
  explicit Writer(const RecoverySettings& settings) : thread_{[this, &settings] { write(settings); }} {}
  ~Writer() {
    ended_ = true;
    thread_.join();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

 private:
  void write(const RecoverySettings& settings) {
    // Idempotent: a message that came twice would look like a result that did.
    rd_kafka_t* writer = kafka_bench::make_client(
        RD_KAFKA_PRODUCER,
        {{"bootstrap.servers", settings.brokers}, {"linger.ms", "1"}, {"enable.idempotence", "true"}},
        [](rd_kafka_t*, const rd_kafka_message_t*, void*) {});
    const auto begin = Clock::now();
    for (std::int64_t i = 0; !ended_;) {
      const auto due = std::chrono::nanoseconds{Clock::now() - begin}.count() * settings.rate / 1'000'000'000;
      for (; i < due; ++i) {
        const std::int64_t key = i % kKeys;
        const std::string text = std::to_string(key);
        rd_kafka_producev(writer, RD_KAFKA_V_TOPIC(settings.input.c_str()),
                          RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(key % kPartitions)),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(text.data(), text.size()),
                          RD_KAFKA_V_VALUE(const_cast<char*>("x"), 1), RD_KAFKA_V_END);
      }
      rd_kafka_poll(writer, 1);
    }
    rd_kafka_purge(writer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(writer);
  }

  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// The job's process.
class Worker {
 public:
  Worker(const std::vector<std::string>& command, int number) {
    std::vector<std::string> words = command;
    words.emplace_back("--number");
    words.push_back(std::to_string(number));
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error{"there is no pipe for the job"};
    at_ = Clock::now();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error{"there is no process for the job"};
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(ends[1], STDOUT_FILENO);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    listener_ = std::thread{[this, end = ends[0]] {
      char text[256];
      if (::read(end, text, sizeof text) > 0) started_ns_ = std::chrono::nanoseconds{Clock::now() - at_}.count();
      while (::read(end, text, sizeof text) > 0) {
      }
      ::close(end);
    }};
  }
  ~Worker() { kill(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
    listener_.join();
  }
  [[nodiscard]] bool has_ended() {
    if (pid_ <= 0 || ::waitpid(pid_, nullptr, WNOHANG) == 0) return false;
    pid_ = 0;
    listener_.join();
    return true;
  }
  [[nodiscard]] Clock::time_point at() const { return at_; }
  [[nodiscard]] double started_seconds() const { return static_cast<double>(started_ns_.load()) * 1e-9; }

 private:
  pid_t pid_ = 0;
  Clock::time_point at_;
  std::atomic<std::int64_t> started_ns_{0};
  std::thread listener_;
};

/// Reads the output and checks that each key's counts go up by one.
class Reader {
 public:
  explicit Reader(const RecoverySettings& settings)
      : client_{kafka_bench::make_reader(settings.brokers, settings.output)} {}
  ~Reader() {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// True when there was a message, of the process with that number.
  bool read(int number) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, 5);
    if (message == nullptr) return false;
    const bool good = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    const std::string key = good ? std::string{static_cast<const char*>(message->key), message->key_len} : "";
    const std::string value = good ? std::string{static_cast<const char*>(message->payload), message->len} : "";
    rd_kafka_message_destroy(message);
    if (!good) return false;
    const std::size_t blank = value.find(' ');
    if (blank == std::string::npos) throw std::runtime_error{"a result that is none: '" + value + "'"};
    const std::int64_t wanted = ++counts_[key];
    if (value.substr(blank + 1) != std::to_string(wanted)) {
      throw std::runtime_error{"key " + key + " has the result '" + value + "' where its count is " +
                               std::to_string(wanted)};
    }
    return value.substr(0, blank) == std::to_string(number);
  }

 private:
  rd_kafka_t* client_;
  std::unordered_map<std::string, std::int64_t> counts_;
};

}  // namespace

std::vector<Recovery> measure_recovery(const RecoverySettings& settings) {
  // Long enough for some checkpoints of the new process, and each time at another place of one.
  constexpr std::chrono::milliseconds kRunsFor{1500};
  constexpr std::chrono::milliseconds kShift{37};
  const Writer writer{settings};
  Reader reader{settings};
  std::vector<Recovery> all;
  for (int number = 1;; ++number) {
    Worker worker{settings.command, number};
    const auto patience = Clock::now() + kPatience;
    while (!reader.read(number)) {
      if (worker.has_ended()) throw std::runtime_error{"the job ended by itself"};
      if (Clock::now() > patience) throw std::runtime_error{"the job has no output within three minutes"};
    }
    if (number > 1) all.push_back({seconds(Clock::now() - worker.at()), worker.started_seconds()});
    if (static_cast<int>(all.size()) == settings.kills) return all;
    for (const auto end = Clock::now() + kRunsFor + number * kShift; Clock::now() < end;) (void)reader.read(number);
    worker.kill();
  }
}

}  // namespace peers
