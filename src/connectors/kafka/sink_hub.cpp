// The connection of a sink, and the count of what is under way.
#include "connectors/kafka/sink_hub.hpp"

#include <algorithm>
#include <utility>

namespace millstream::inline v0::kafka::detail {
namespace {

constexpr std::size_t kWriterBytesMin = std::size_t{64} << 10;  // a full batch of a shard
constexpr std::int64_t kFencedAgainNs = 60'000'000'000;

}  // namespace

WriterDeliveries::WriterDeliveries(const WriterOptions& options, std::uint32_t shards, Waker waker)
    : topic_{options.topic},
      may_lose_{options.guarantee == Guarantee::kNone},
      limit_bytes_{std::max(options.buffer_bytes_max / shards, kWriterBytesMin)},
      waker_{std::move(waker)} {}

void WriterDeliveries::sent(std::size_t messages, std::size_t bytes) {
  unanswered_.fetch_add(messages, std::memory_order_relaxed);
  bytes_.fetch_add(bytes + messages * kMessageBytes, std::memory_order_relaxed);
}

void WriterDeliveries::delivered(std::size_t messages, std::size_t bytes) { answered(messages, bytes); }

void WriterDeliveries::failed(std::size_t bytes, Status cause) {
  {
    const std::scoped_lock lock{mutex_};
    ++lost_;
    if (failure_.ok()) failure_ = std::move(cause);
  }
  has_failed_.store(true, std::memory_order_release);  // pairs with the acquires in status() and take_lost()
  answered(1, bytes);
}

void WriterDeliveries::answered(std::size_t messages, std::size_t bytes) {
  const std::size_t all = bytes + messages * kMessageBytes;
  const std::size_t left = bytes_.fetch_sub(all, std::memory_order_seq_cst) - all;
  const bool last = unanswered_.fetch_sub(messages, std::memory_order_seq_cst) == messages;
  // Half empty, so that a writer that is at the limit is not woken for each message.
  if (last || left <= limit_bytes_ / 2) wake_if_waiting();
}

std::size_t WriterDeliveries::room() const {
  const std::size_t taken = bytes_.load(std::memory_order_seq_cst);
  return taken < limit_bytes_ ? limit_bytes_ - taken : 0;
}

void WriterDeliveries::wake_if_waiting() const {
  if (waiting_.load(std::memory_order_seq_cst) && waiting_.exchange(false, std::memory_order_seq_cst)) waker_.wake();
}

Result<bool> WriterDeliveries::all_arrived() const {
  const bool answered = unanswered_.load(std::memory_order_seq_cst) == 0;
  // In this order: another writer may serve the failure of the last one at any time.
  if (Status lost = status(); !lost.ok()) return lost;
  return answered;
}

Status WriterDeliveries::status() const {
  if (may_lose_ || !has_failed_.load(std::memory_order_acquire)) return {};
  const std::scoped_lock lock{mutex_};
  return failure_.at("topic '" + topic_ + "': a message could not be delivered");
}

std::uint64_t WriterDeliveries::take_lost(Status& cause) {
  if (!may_lose_ || !has_failed_.load(std::memory_order_acquire)) return 0;
  has_failed_.store(false, std::memory_order_relaxed);
  const std::scoped_lock lock{mutex_};
  cause = std::exchange(failure_, {});
  return std::exchange(lost_, 0);
}

SinkConnection::SinkConnection(std::shared_ptr<Producer> producer) : producer_{std::move(producer)} {
  listen(*producer_);
}

SinkConnection::~SinkConnection() {
  producer_->on_events({});
  producer_->purge();
}

void SinkConnection::listen(Producer& producer) {
  producer.on_events([this] {
    const std::scoped_lock lock{mutex_};
    for (const auto& writer : writers_) writer->wake_if_waiting();
  });
}

std::shared_ptr<Producer> SinkConnection::producer() const {
  const std::scoped_lock lock{producer_mutex_};
  return producer_;
}

void SinkConnection::use(std::shared_ptr<Producer> producer) {
  listen(*producer);
  {
    const std::scoped_lock lock{producer_mutex_};
    producer_.swap(producer);
  }
  producer->on_events({});
}

std::shared_ptr<WriterDeliveries> SinkConnection::add_writer(const WriterOptions& options, std::uint32_t shards,
                                                             const Waker& waker) {
  auto writer = std::make_shared<WriterDeliveries>(options, shards, waker);
  const std::scoped_lock lock{mutex_};
  writers_.push_back(writer);
  return writer;
}

Result<std::shared_ptr<SinkConnection>> SinkHub::connection(SinkContext& context) {
  const std::uint64_t ended_before = attempts_.load();
  const std::scoped_lock lock{mutex_};
  if (std::shared_ptr<SinkConnection> there = connection_.lock()) return there;
  if (attempts_.load() != ended_before && !failure_.ok()) return failure_;
  Result<std::shared_ptr<SinkConnection>> made = connect(context);
  failure_ = made ? Status{} : made.error();
  ++attempts_;
  if (made) connection_ = *made;
  return made;
}

Result<std::shared_ptr<SinkConnection>> SinkHub::connect(const SinkContext& context) const {
  if (options_.guarantee == Guarantee::kExactlyOnce) {
    return Status{ErrorCode::kInvalidArgument,
                  "kafka sink: .guarantee is Guarantee::kExactlyOnce, and the job takes no checkpoints: set "
                  "RunOptions::state_dir, or leave .guarantee out, which is at least once in such a job"};
  }
  const Result<Configuration> configuration = producer_configuration(options_);
  if (!configuration) return configuration.error();
  context.log(LogLevel::kInfo, "sink '" + context.stage() + "' writes to Kafka with " + configuration->text());
  Result<std::unique_ptr<Producer>> producer = client_->producer(*configuration);
  if (!producer) return producer.error();
  const Result<std::int32_t> partitions = (*producer)->partitions(options_.topic, options_.connect_timeout);
  if (!partitions) return partitions.error();
  return std::make_shared<SinkConnection>(*std::move(producer));
}

void SinkHub::note_fenced(std::int64_t now_ns) {
  const std::scoped_lock lock{fenced_mutex_};
  if (fenced_ns_.size() == 2) fenced_ns_.erase(fenced_ns_.begin());
  fenced_ns_.push_back(now_ns);
  must_look_ = true;
}

bool SinkHub::must_look() const {
  const std::scoped_lock lock{fenced_mutex_};
  return must_look_;
}

void SinkHub::looked() {
  const std::scoped_lock lock{fenced_mutex_};
  must_look_ = false;
}

void SinkHub::note_decided(std::optional<CheckpointId> checkpoint) {
  const std::scoped_lock lock{fenced_mutex_};
  decided_ = checkpoint;
  asked_.reset();
}

void SinkHub::note_asked(CheckpointId checkpoint) {
  const std::scoped_lock lock{fenced_mutex_};
  asked_ = checkpoint;
}

bool SinkHub::is_own(const Decision& found) const {
  const std::scoped_lock lock{fenced_mutex_};
  switch (found.kind) {
    case Decision::Kind::kNone:
      return !decided_;
    case Decision::Kind::kDecided:
      return found.checkpoint == decided_ || found.checkpoint == asked_;
    case Decision::Kind::kConflict:
      return false;
  }
  return false;
}

bool SinkHub::fenced_again(std::int64_t now_ns) const {
  const std::scoped_lock lock{fenced_mutex_};
  return fenced_ns_.size() == 2 && now_ns - fenced_ns_.front() < kFencedAgainNs;
}

std::shared_ptr<SinkHub> make_sink_hub(WriterOptions options, std::shared_ptr<Client> client) {
  return std::make_shared<SinkHub>(std::move(options), std::move(client));
}

}  // namespace millstream::inline v0::kafka::detail
