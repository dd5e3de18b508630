// KafkaDecider: a checkpoint's decision as a transaction of Kafka. It carries what the job's sinks were given since the
// checkpoint before, the offsets of the sources, and id and nonce of the checkpoint (decision_offsets.hpp).
//
//   fence   in a process that was fenced, first a look at the decision: where another one has gone on with the job, it
//           keeps the id and this process ends. Then a client with the job's transactional.id, and one with every other
//           that checkpoints here name, is initialised: whatever had the id before cannot commit any more
//   read    the committed offsets, behind transactions that are still committing; then the first transaction begins
//   admit   again, of partitions that no checkpoint here knows: another instance may have read them
//   prepare the offsets go into the transaction
//   decide  commits, and begins the next
//
// Which outcome each class of errors has is in docs/connectors/kafka.md, "What errors mean".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/kafka/client.hpp"
#include "connectors/kafka/decision_offsets.hpp"
#include "connectors/kafka/sink_hub.hpp"
#include "millstream/io/decider.hpp"
#include "millstream/io/epoch_passes.hpp"

namespace millstream::inline v0::kafka::detail {

class KafkaDecider final : public Decider {
 public:
  explicit KafkaDecider(std::shared_ptr<SinkHub> hub);

  [[nodiscard]] std::string why_not_joined(const Decider& other) const override;
  [[nodiscard]] std::shared_ptr<Decider> of_instance(std::uint32_t instance) const override;
  void join(const Decider& other) override;
  Result<bool> fence(const DeciderContext& context) override;
  Result<std::optional<Decision>> read(const DeciderContext& context) override;
  Result<bool> admit(const DeciderContext& context) override;
  DecisionStep prepare(const DecisionDraft& draft) override;
  DecisionStep decide(const DecisionDraft& draft) override;
  void give_up() override;
  void close() override;
  [[nodiscard]] std::chrono::nanoseconds stuck_after() const override;
  [[nodiscard]] std::string describe() const override;

  // For the writers, behind fence().
  [[nodiscard]] const std::shared_ptr<EpochPasses>& passes() const { return passes_; }
  [[nodiscard]] const std::shared_ptr<SinkConnection>& connection() const { return connection_; }
  [[nodiscard]] const std::string& transactional_id() const { return id_; }

 private:
  [[nodiscard]] Status begin_fencing(const DeciderContext& context);
  [[nodiscard]] Result<std::shared_ptr<Transactions>> connect(const std::string& id) const;
  [[nodiscard]] Result<std::vector<std::optional<CommittedOffset>>> committed(
      const std::string& group, const std::vector<TopicPartition>& partitions, std::chrono::milliseconds timeout) const;
  /// Whether nobody has taken over from this process, which was fenced; false = pending.
  [[nodiscard]] Result<bool> may_fence_back();
  [[nodiscard]] Status taken_over(const Decision& found) const;
  [[nodiscard]] Result<Decision> look(std::chrono::milliseconds timeout) const;
  void look_at_the_group(std::chrono::milliseconds timeout);
  void find_other_names(const DeciderContext& context, const std::string& group);
  [[nodiscard]] Result<std::string> cluster_id(const std::string& brokers, const std::string& group) const;
  /// With one name for the sinks' cluster, however sources spell it.
  [[nodiscard]] std::vector<DecisionSource> named_alike(std::vector<DecisionSource> sources) const;
  [[nodiscard]] DecisionStep commit(const DecisionDraft& draft);
  [[nodiscard]] DecisionStep renew(const DecisionDraft& draft);
  [[nodiscard]] DecisionStep replace_client(const DecisionDraft& draft);
  [[nodiscard]] DecisionStep older_offsets(const DecisionDraft& draft) const;
  [[nodiscard]] DecisionStep fail(DecisionStep step);
  [[nodiscard]] Status status_of(const TransactionReply& reply, const std::string& doing);
  void drop_retired();
  [[nodiscard]] bool out_of_time();

  static constexpr std::chrono::milliseconds kSlice{500};  // that a call waits for brokers
  [[nodiscard]] static DecisionStep pending();
  [[nodiscard]] std::string topics() const;

  const std::shared_ptr<SinkHub> hub_;
  WriterOptions options_;  // of the client: those of all sinks together
  std::vector<std::shared_ptr<SinkHub>> hubs_joined_;
  std::vector<std::string> topics_;  // each once
  const std::shared_ptr<EpochPasses> passes_ = std::make_shared<EpochPasses>();
  std::string job_;
  std::string id_;
  Clock* clock_ = nullptr;
  std::chrono::milliseconds timeout_ = std::chrono::minutes{1};  // of a transaction
  std::vector<std::string> to_fence_;                            // last the one that this run uses
  std::set<std::string> other_names_;                            // of the sinks' cluster, as sources spell it
  DecisionOffsets offsets_;
  std::shared_ptr<SinkConnection> connection_;  // goes behind the clients, which report to its writers
  std::vector<std::shared_ptr<Transactions>> retired_;
  std::shared_ptr<Transactions> transactions_;
  std::optional<std::int64_t> waiting_since_ns_;  // for the end of what is repeated; monotonic
  std::optional<std::int64_t> found_none_ns_;     // the first look at the groups
  std::optional<std::int64_t> group_seen_ns_;     // the first at that of the sources
  CheckpointId sending_;                          // whose offsets are being sent
  std::size_t groups_sent_ = 0;
  std::uint32_t unanswered_ = 0;             // requests for the commit of which nobody knows
  bool late_possible_ = false;               // a request of the client may be under way still
  bool offsets_asked_ = false;               // the transaction was given some
  bool older_asked_ = false;                 // also for a checkpoint that was given up
  bool older_possible_ = false;              // and those may be under way still
  bool own_ = false;                         // the newest decision is, as it was looked at before replacing the client
  std::shared_ptr<Transactions> successor_;  // that replaces the client, and is not initialised yet
  bool successor_ready_ = false;             // it is, and the decision behind it is not read yet
  bool fencing_ = false;
  bool begun_ = false;
  bool ending_ = false;     // it was asked to be committed
  bool committed_ = false;  // it is, and the next one has not begun
  bool fenced_ = false;
  Status failure_;  // this run decides nothing any more
};

}  // namespace millstream::inline v0::kafka::detail
