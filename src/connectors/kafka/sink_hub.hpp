// What all copies of a Kafka sink share: its options, and while a run is on, the connection that all shards write by.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/client.hpp"
#include "millstream/connectors/kafka/record_writer.hpp"
#include "millstream/core/waker.hpp"
#include "millstream/io/decider.hpp"

namespace millstream::inline v0::kafka::detail {

/// What became of one shard's messages. The writer counts what it sends, whoever serves the client what is answered.
class WriterDeliveries final : public DeliveryLog {
 public:
  WriterDeliveries(const WriterOptions& options, std::uint32_t shards, Waker waker);

  void sent(std::size_t messages, std::size_t bytes);
  void delivered(std::size_t messages, std::size_t bytes) override;
  void failed(std::size_t bytes, Status cause) override;

  /// Bytes that may be sent now; what is answered only makes it more.
  [[nodiscard]] std::size_t room() const;
  /// Bytes that may be under way.
  [[nodiscard]] std::size_t limit() const noexcept { return limit_bytes_; }
  /// From now on, once: the writer is woken when there is room again, when all is answered, or when there is something
  /// to serve. To be called before room() or all_arrived() is asked.
  void begin_waiting() { waiting_.store(true, std::memory_order_seq_cst); }
  void wake_if_waiting() const;
  /// True: everything that was sent is answered, and the guarantee holds; an error where it does not.
  [[nodiscard]] Result<bool> all_arrived() const;
  /// The first failure that breaks the guarantee.
  [[nodiscard]] Status status() const;
  /// Messages lost under Guarantee::kNone since the last call, and why one of them.
  [[nodiscard]] std::uint64_t take_lost(Status& cause);

 private:
  void answered(std::size_t messages, std::size_t bytes);

  const std::string topic_;
  const bool may_lose_;
  const std::size_t limit_bytes_;
  const Waker waker_;
  std::atomic<std::uint64_t> unanswered_{0};  // messages
  std::atomic<std::uint64_t> bytes_{0};       // of these
  mutable std::atomic<bool> waiting_{false};
  std::atomic<bool> has_failed_{false};
  mutable std::mutex mutex_;
  Status failure_;
  std::uint64_t lost_ = 0;
};

/// The connection of one run, for all sinks that share it. Any thread.
class SinkConnection {
 public:
  explicit SinkConnection(std::shared_ptr<Producer> producer);
  ~SinkConnection();

  /// That of now.
  [[nodiscard]] std::shared_ptr<Producer> producer() const;
  /// From now on writers write by this one. Nothing is under way by the other.
  void use(std::shared_ptr<Producer> producer);
  /// Kept as long as the client may report to it. `options`: of its sink.
  [[nodiscard]] std::shared_ptr<WriterDeliveries> add_writer(const WriterOptions& options, std::uint32_t shards,
                                                             const Waker& waker);

 private:
  void listen(Producer& producer);

  std::mutex mutex_;
  std::vector<std::shared_ptr<WriterDeliveries>> writers_;
  mutable std::mutex producer_mutex_;
  std::shared_ptr<Producer> producer_;  // goes first: it reports to the writers
};

class SinkHub {
 public:
  SinkHub(WriterOptions options, std::shared_ptr<Client> client)
      : options_{std::move(options)}, client_{std::move(client)} {}
  /// That of the run; the first of its shards makes it. Those that wait for it meanwhile share the outcome, whatever it
  /// is, so that brokers which do not answer cost the job one timeout.
  [[nodiscard]] Result<std::shared_ptr<SinkConnection>> connection(SinkContext& context);
  [[nodiscard]] const WriterOptions& options() const noexcept { return options_; }
  [[nodiscard]] Client& client() const noexcept { return *client_; }
  [[nodiscard]] const std::shared_ptr<Client>& shared_client() const noexcept { return client_; }

  // Of all runs.
  /// A run has been fenced at that time (monotonic).
  void note_fenced(std::int64_t now_ns);
  /// The last one was: nobody has looked yet whether by a rightful successor.
  [[nodiscard]] bool must_look() const;
  /// Somebody has.
  void looked();
  /// What this process knows to be decided, and what it may have decided itself without having heard of it.
  void note_decided(std::optional<CheckpointId> checkpoint);
  void note_asked(CheckpointId checkpoint);
  /// That is how a process stands that nobody has taken over from.
  [[nodiscard]] bool is_own(const Decision& found) const;
  /// Two have been, within the last minute: somebody else has the transactional.id and does not give way.
  [[nodiscard]] bool fenced_again(std::int64_t now_ns) const;

 private:
  [[nodiscard]] Result<std::shared_ptr<SinkConnection>> connect(const SinkContext& context) const;

  const WriterOptions options_;
  const std::shared_ptr<Client> client_;
  std::mutex mutex_;
  std::weak_ptr<SinkConnection> connection_;
  std::atomic<std::uint64_t> attempts_{0};  // that have ended
  Status failure_;                          // of the last one
  mutable std::mutex fenced_mutex_;
  std::vector<std::int64_t> fenced_ns_;  // the last two
  bool must_look_ = false;
  std::optional<CheckpointId> decided_;
  std::optional<CheckpointId> asked_;  // to be decided
};

}  // namespace millstream::inline v0::kafka::detail
