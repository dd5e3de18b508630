// LogSource and LogSink: a job's way into a LogBroker and out of it. The sink is exactly once: its transaction carries
// output, positions and the name of the checkpoint, and is the decision. Several of a job write in one transaction.
// Without checkpoints it is at-least-once. Both show how a transactional sink is written (docs/guarantees.md, "Who
// decides").
//
//   flow.from(kit::LogSource{&broker, "in"}).named("in") ... .to(kit::LogSink{{&broker, "out", "group", "job-0", "in",
//   "in"}})
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "millstream/io/decider.hpp"
#include "millstream/io/epoch_buffer.hpp"
#include "millstream/io/sink.hpp"
#include "millstream/io/source.hpp"
#include "millstream/testing/log_broker.hpp"

namespace millstream::inline v0::testing {

/// Reads the committed records of a topic; a split is a partition, "topic/3". Partitions that come are taken up.
struct MILLSTREAM_EXPORT LogSource {
  LogBroker* broker = nullptr;  ///< must outlive the job
  std::string topic = {};
  std::size_t fetch_records_max = 500;
  Duration pause{0};  ///< behind each fetch: what is in the log comes as if it were written slowly
  /// Reads its share of the partitions. Of a job whose keys go by partition.
  InstanceShare share = {};

  [[nodiscard]] std::vector<Split> splits(SourceContext&) const;
  void open(SplitContext& context);
  Result<Poll> poll(SourceOutput<LogRecord>& out);
  [[nodiscard]] Position position() const { return {next, {}}; }
  [[nodiscard]] std::uint32_t shared_by() const { return share.instances; }
  [[nodiscard]] std::uint32_t shared_as() const { return share.instance; }

  LogPartition partition = {};
  std::uint64_t next = 0;
  std::uint32_t known = 0;  // partitions, by the newest look
  SplitContext* context = nullptr;

 private:
  [[nodiscard]] std::vector<Split> all_splits(std::uint32_t partitions) const;
};

struct LogSinkOptions {
  LogBroker* broker = nullptr;  ///< must outlive the job
  std::string topic = {};
  std::string group = {};
  /// The same in each life of the job, and of no other job. Of one of several instances it ends in its number.
  std::string transactional_id = {};
  /// Of several instances, which share the group: each decides for the partitions that its checkpoints name.
  std::optional<std::uint32_t> instance = std::nullopt;
  /// Stage of the source whose positions are the group's offsets, and its topic. Empty: the group's offset for the
  /// first partition of `topic` is the number of the checkpoint.
  std::string source_stage = {};
  std::string source_topic = {};
  Duration transaction_timeout = std::chrono::minutes{1};
  /// Of each copy.
  EpochBufferLimits buffer = {};
};

/// The transaction of a job's run: all of its calls but those of io/decider.hpp may come from any shard.
class MILLSTREAM_EXPORT LogDecider final : public Decider {
 public:
  explicit LogDecider(LogSinkOptions options) : options_{std::move(options)} {}

  /// Sinks join that differ in topic and buffer alone.
  [[nodiscard]] std::string why_not_joined(const Decider& other) const override;
  [[nodiscard]] std::shared_ptr<Decider> of_instance(std::uint32_t instance) const override;
  Result<bool> fence(const DeciderContext& context) override;
  Result<std::optional<Decision>> read(const DeciderContext& context) override;
  DecisionStep prepare(const DecisionDraft& draft) override;
  DecisionStep decide(const DecisionDraft& draft) override;
  void give_up() override;
  void close() override;

  [[nodiscard]] const std::shared_ptr<EpochPasses>& passes() const { return passes_; }
  /// Only in an epoch that may pass, so never while the transaction ends.
  [[nodiscard]] LogReply append(const LogPartition& to, const LogRecord& record);

 private:
  [[nodiscard]] std::string metadata(CheckpointId checkpoint) const;
  [[nodiscard]] LogOffsets offsets_of(const DecisionDraft& draft) const;
  [[nodiscard]] bool is_other(const LogPartition& partition, CheckpointId named) const;
  [[nodiscard]] Decision decision_in(const LogOffsets& offsets) const;
  DecisionStep renew(const DecisionDraft& draft);
  [[nodiscard]] LogReply replace_producer(Decision& behind);

  LogSinkOptions options_;
  std::uint64_t settled_ = 0;
  std::vector<DecisionSource> sources_;
  std::set<std::string> draft_splits_;  // of this run
  std::string job_;
  Clock* clock_ = nullptr;
  std::shared_ptr<EpochPasses> passes_ = std::make_shared<EpochPasses>();
  std::vector<std::string> to_fence_;  // last the one that this run uses
  bool fencing_ = false;
  LogProducer producer_;
  DecisionDraft older_;  // for the mutant that sends it
  bool looked_once_ = false;
  std::uint32_t unanswered_ = 0;  // requests in a row for the end of the transaction of which nobody knows
  bool ending_ = false;
  bool ended_ = false;  // it is committed, and the next one waits for a new producer
  Status failure_;      // this run decides nothing any more
};

class MILLSTREAM_EXPORT LogSink {
 public:
  explicit LogSink(LogSinkOptions options) : options_{std::move(options)} {}

  [[nodiscard]] std::shared_ptr<LogDecider> make_decider() const { return std::make_shared<LogDecider>(options_); }
  void decide_by(std::shared_ptr<LogDecider> decider) { decider_ = std::move(decider); }
  void open(SinkContext& context);
  Result<std::size_t> write(std::span<LogRecord> records);
  Result<bool> drain();
  std::string prepare();
  void commit(const std::string&) {}

 private:
  [[nodiscard]] bool send(const LogRecord& record);

  LogSinkOptions options_;
  std::shared_ptr<LogDecider> decider_;  // null: at-least-once
  SinkContext* context_ = nullptr;
  std::optional<EpochBuffer<LogRecord>> buffer_;
  Status failure_;
};

}  // namespace millstream::inline v0::testing
