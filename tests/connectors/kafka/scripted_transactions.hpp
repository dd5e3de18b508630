// A client with transactions that says what the test wants: each call is answered as it is told to, and noted. What was
// committed is kept as brokers do: messages, and the offsets of groups.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/client.hpp"

namespace millstream::inline v0::testing {

class ScriptedTransactions final : public kafka::detail::Client {
 public:
  using Reply = kafka::detail::TransactionReply;
  using Outcome = Reply::Outcome;
  using Offset = kafka::detail::CommittedOffset;
  using Milliseconds = std::chrono::milliseconds;

  /// By call ("init", "begin", "offsets", "commit", "abort"): its next answers; then it is done.
  std::map<std::string, std::deque<Outcome>> answers;
  /// "init ms-job-0", "offsets group t/0=3", "commit", "read group".
  std::vector<std::string> calls;
  std::function<void(const std::string& call)> on_call = [](const std::string&) {};
  /// group -> "topic/partition" -> offset
  std::map<std::string, std::map<std::string, Offset>> groups;
  std::map<std::string, std::string> cluster_ids{{"b:1", "one"}, {"c:1", "other"}};  // by bootstrap.servers
  std::string lost_in;               // the call during which a connection is lost next
  bool fenced = false;               // as deliveries have told
  std::deque<Status> read_failures;  // of the next looks at groups
  std::vector<std::string> committed;
  std::vector<std::string> written;            // into the transaction that is open; "topic: key=value header:value"
  kafka::detail::Configuration configuration;  // of the newest
  bool holds_deliveries = false;               // nothing that is written is acknowledged until deliver()
  int clients = 0;                             // that there are with transactions

  void deliver() {
    for (const auto& [log, bytes] : std::exchange(held_, {})) log->delivered(1, bytes);
  }
  [[nodiscard]] std::vector<std::string> take_calls() { return std::exchange(calls, {}); }

  Result<std::unique_ptr<kafka::detail::Consumer>> consumer(const kafka::detail::Configuration& c) override {
    return std::unique_ptr<kafka::detail::Consumer>{
        std::make_unique<Reader>(*this, c.properties.at("group.id"), c.properties.at("bootstrap.servers"))};
  }
  Result<std::unique_ptr<kafka::detail::Producer>> producer(const kafka::detail::Configuration& c) override {
    configuration = c;
    return std::unique_ptr<kafka::detail::Producer>{std::make_unique<Writer>(*this)};
  }
  Result<std::unique_ptr<kafka::detail::Transactions>> transactions(const kafka::detail::Configuration& c) override {
    configuration = c;
    return std::unique_ptr<kafka::detail::Transactions>{
        std::make_unique<Transaction>(*this, c.properties.at("transactional.id"))};
  }

 private:
  std::vector<std::pair<kafka::detail::DeliveryLog*, std::size_t>> held_;
  using Notify = std::function<void()>;

  Reply answer(const std::string& name, const std::string& what) {
    calls.push_back(what.empty() ? name : name + " " + what);
    on_call(calls.back());
    Reply reply;
    if (lost_in == name) {
      reply.connection_lost = true;
      lost_in.clear();
    }
    std::deque<Outcome>& next = answers[name];
    if (next.empty()) return reply;
    reply.outcome = next.front();
    next.pop_front();
    if (!reply.ok()) reply.status = {ErrorCode::kUnavailable, "the test's answer"};
    return reply;
  }
  static std::string text(const kafka::detail::TopicPartition& partition) {
    return partition.topic + "/" + std::to_string(partition.partition);
  }

  class Writer final : public kafka::detail::Producer {
   public:
    explicit Writer(ScriptedTransactions& script) : script_{script} {}
    Status serve(const LogHook&) override { return {}; }
    bool has_events() const override { return false; }
    void on_events(Notify) override {}
    Result<std::int32_t> partitions(const std::string&, Milliseconds) override { return 1; }
    Status produce(const std::string& topic, std::span<const kafka::detail::OutgoingMessage> messages,
                   kafka::detail::DeliveryLog& log) override {
      for (const kafka::detail::OutgoingMessage& message : messages) {
        std::string all = topic == "out" ? "" : topic + ": ";
        if (message.has_key) all += std::string{message.key} + "=";
        all += message.value;
        for (const kafka::Header& header : message.headers) all += " " + header.name + ":" + header.value.value_or("");
        script_.written.push_back(all);
        script_.held_.emplace_back(&log, message.bytes());
      }
      if (!script_.holds_deliveries) script_.deliver();
      return {};
    }
    void flush(Milliseconds) override {}
    void purge() override {}

   private:
    ScriptedTransactions& script_;
  };

  class Transaction final : public kafka::detail::Transactions {
   public:
    Transaction(ScriptedTransactions& script, std::string id) : script_{script}, id_{std::move(id)}, writer_{script} {
      ++script_.clients;
    }
    ~Transaction() override { --script_.clients; }
    kafka::detail::Producer& producer() override { return writer_; }
    Reply init(Milliseconds) override { return script_.answer("init", id_); }
    Reply begin() override { return script_.answer("begin", {}); }
    Reply send_offsets(const std::string& group, std::span<const kafka::detail::OffsetToCommit> offsets,
                       const std::string& metadata, Milliseconds) override {
      std::string what = group;
      for (const auto& each : offsets) what += " " + text(each.partition) + "=" + std::to_string(each.offset);
      Reply reply = script_.answer("offsets", what);
      if (!reply.ok()) return reply;
      for (const auto& each : offsets) pending_[group][text(each.partition)] = {each.offset, metadata};
      return reply;
    }
    Reply commit(Milliseconds) override {
      Reply reply = script_.answer("commit", {});
      if (!reply.ok()) return reply;
      for (const auto& [group, offsets] : pending_) {
        for (const auto& [partition, offset] : offsets) script_.groups[group][partition] = offset;
      }
      pending_.clear();
      for (std::string& value : script_.written) script_.committed.push_back(std::move(value));
      script_.written.clear();
      return reply;
    }
    Reply abort(Milliseconds) override {
      Reply reply = script_.answer("abort", {});
      if (reply.ok()) script_.written.clear();
      return reply;
    }
    bool fenced() override { return script_.fenced; }

   private:
    ScriptedTransactions& script_;
    const std::string id_;
    Writer writer_;
    std::map<std::string, std::map<std::string, Offset>> pending_;
  };

  class Reader final : public kafka::detail::Consumer {
   public:
    Reader(ScriptedTransactions& script, std::string group, std::string brokers)
        : script_{script}, group_{std::move(group)}, brokers_{std::move(brokers)} {}
    Status serve(const LogHook&) override { return {}; }
    bool has_events() const override { return false; }
    void on_events(Notify) override {}
    Result<std::string> cluster_id(Milliseconds) override {
      const auto id = script_.cluster_ids.find(brokers_);
      if (id == script_.cluster_ids.end()) return Status{ErrorCode::kUnavailable, "no answer from " + brokers_};
      return id->second;
    }
    Result<std::vector<kafka::detail::TopicInfo>> topics(std::span<const std::string>, Milliseconds) override {
      return Status{ErrorCode::kUnsupported, ""};
    }
    Result<std::vector<kafka::detail::TopicInfo>> matching_topics(const std::function<bool(const std::string&)>&,
                                                                  Milliseconds) override {
      return Status{ErrorCode::kUnsupported, ""};
    }
    Result<std::vector<std::int64_t>> offsets(std::span<const kafka::detail::TopicPartition>, std::int64_t,
                                              Milliseconds) override {
      return Status{ErrorCode::kUnsupported, ""};
    }
    Result<std::vector<std::optional<Offset>>> committed(std::span<const kafka::detail::TopicPartition> partitions,
                                                         Milliseconds) override {
      std::string what = "read " + group_;
      std::vector<std::optional<Offset>> all;
      for (const auto& partition : partitions) {
        what += " " + text(partition);
        const auto& group = script_.groups[group_];
        const auto found = group.find(text(partition));
        all.push_back(found == group.end() ? std::nullopt : std::optional{found->second});
      }
      script_.calls.push_back(what);
      script_.on_call(what);
      if (!script_.read_failures.empty()) {
        Status failure = std::move(script_.read_failures.front());
        script_.read_failures.pop_front();
        if (!failure.ok()) return failure;
      }
      return all;
    }
    Result<std::unique_ptr<kafka::detail::PartitionQueue>> read(const kafka::detail::TopicPartition&, std::int64_t,
                                                                Notify) override {
      return Status{ErrorCode::kUnsupported, ""};
    }

   private:
    ScriptedTransactions& script_;
    const std::string group_;
    const std::string brokers_;
  };
};

}  // namespace millstream::inline v0::testing
