// A client library that says what the test wants: what brokers and librdkafka's mock do not do when they are asked to.
// It knows one topic, "t".
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/client.hpp"

namespace millstream::inline v0::testing {

namespace client = kafka::detail;

class ScriptedClient final : public client::Client {
 public:
  /// What the fetches bring, one after the other, then nothing. With .messages = 1 the message with that .offset.
  std::deque<client::Fetched> fetches;
  std::function<std::int64_t(std::int64_t wanted)> offset_for = [](std::int64_t) { return std::int64_t{0}; };
  std::function<Status()> partitions_call = [] { return Status{}; };
  Status restart_status;
  std::atomic<std::int32_t> partitions{1};   // of "t"
  std::atomic<int> offsets_refused{0};       // so many times nobody answers when offsets are asked for
  std::atomic<int> topics_refused{0};        // so many times nobody answers when topics are asked for
  std::atomic<std::int32_t> leaderless{-1};  // this partition has no offsets to tell
  /// Called with its timeout by everything that blocks.
  std::function<void(std::chrono::milliseconds)> on_call = [](std::chrono::milliseconds) {};

  std::vector<std::int64_t> read_from;  // offsets at which reading began, or began again

  Result<std::unique_ptr<client::Consumer>> consumer(const client::Configuration&) override {
    return std::unique_ptr<client::Consumer>{std::make_unique<ScriptedConsumer>(*this)};
  }
  Result<std::unique_ptr<client::Producer>> producer(const client::Configuration&) override {
    return std::unique_ptr<client::Producer>{std::make_unique<ScriptedProducer>(*this)};
  }
  Result<std::unique_ptr<client::Transactions>> transactions(const client::Configuration&) override {
    return Status{ErrorCode::kUnsupported, "scripted_transactions.hpp has them"};
  }

 private:
  using Milliseconds = std::chrono::milliseconds;
  using Notify = std::function<void()>;

  class Queue final : public client::PartitionQueue {
   public:
    explicit Queue(ScriptedClient& script) : script_{script} {}
    client::Fetched fetch(std::span<client::MessageView> messages) override {
      if (script_.fetches.empty()) return {};
      client::Fetched next = std::move(script_.fetches.front());
      script_.fetches.pop_front();
      if (next.messages > 0) messages[0] = {.value = "v", .has_value = true, .offset = next.offset};
      return next;
    }
    void append_headers(const client::MessageView&, std::vector<kafka::Header>&) const override {}
    std::int64_t end_offset() const override { return -1; }
    Status restart_at(std::int64_t offset) override {
      script_.read_from.push_back(offset);
      return script_.restart_status;
    }

   private:
    ScriptedClient& script_;
  };

  class ScriptedConsumer final : public client::Consumer {
   public:
    explicit ScriptedConsumer(ScriptedClient& script) : script_{script} {}
    Status serve(const LogHook&) override { return {}; }
    bool has_events() const override { return false; }
    void on_events(Notify) override {}
    Result<std::string> cluster_id(Milliseconds) override { return std::string{"one"}; }
    Result<std::vector<client::TopicInfo>> topics(std::span<const std::string>, Milliseconds timeout) override {
      script_.on_call(timeout);
      if (script_.topics_refused > 0) {
        --script_.topics_refused;
        return Status{ErrorCode::kUnavailable, "no answer"};
      }
      return std::vector<client::TopicInfo>{{"t", script_.partitions}};
    }
    Result<std::vector<client::TopicInfo>> matching_topics(const std::function<bool(const std::string&)>&,
                                                           Milliseconds timeout) override {
      return topics({}, timeout);
    }
    Result<std::vector<std::int64_t>> offsets(std::span<const client::TopicPartition> of, std::int64_t wanted,
                                              Milliseconds timeout) override {
      script_.on_call(timeout);
      if (script_.offsets_refused > 0) {
        --script_.offsets_refused;
        return Status{ErrorCode::kUnavailable, "no answer"};
      }
      for (const client::TopicPartition& each : of) {
        if (each.partition == script_.leaderless) return Status{ErrorCode::kUnavailable, "no leader"};
      }
      return std::vector<std::int64_t>(of.size(), script_.offset_for(wanted));
    }
    Result<std::vector<std::optional<client::CommittedOffset>>> committed(std::span<const client::TopicPartition>,
                                                                          Milliseconds timeout) override {
      script_.on_call(timeout);
      return std::vector<std::optional<client::CommittedOffset>>(1);
    }
    Result<std::unique_ptr<client::PartitionQueue>> read(const client::TopicPartition&, std::int64_t offset,
                                                         Notify) override {
      script_.read_from.push_back(offset);
      return std::unique_ptr<client::PartitionQueue>{std::make_unique<Queue>(script_)};
    }

   private:
    ScriptedClient& script_;
  };

  class ScriptedProducer final : public client::Producer {
   public:
    explicit ScriptedProducer(ScriptedClient& script) : script_{script} {}
    Status serve(const LogHook&) override { return {}; }
    bool has_events() const override { return false; }
    void on_events(Notify) override {}
    Result<std::int32_t> partitions(const std::string&, Milliseconds timeout) override {
      script_.on_call(timeout);
      if (Status s = script_.partitions_call(); !s.ok()) return s;
      return 1;
    }
    Status produce(const std::string&, std::span<const client::OutgoingMessage>, client::DeliveryLog&) override {
      return {};
    }
    void flush(Milliseconds) override {}
    void purge() override {}

   private:
    ScriptedClient& script_;
  };
};

}  // namespace millstream::inline v0::testing
