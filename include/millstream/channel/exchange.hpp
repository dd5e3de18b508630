// Exchange: the edge on which records change shards. One ring for each pair of shards takes whole batches across; a
// second ring takes the empty ones back, so that steady traffic allocates nothing. A record crosses once, in a batch,
// without a lock and without serialization.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "millstream/channel/input_merge.hpp"
#include "millstream/channel/output.hpp"
#include "millstream/channel/ring.hpp"
#include "millstream/channel/routing.hpp"
#include "millstream/channel/stage.hpp"
#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/cache_line.hpp"
#include "millstream/core/key_group.hpp"

namespace millstream::inline v0 {

/// Batches in flight between two shards. A deeper ring hides latency, a shallower one stalls the producer.
inline constexpr std::size_t kExchangeSlots = 16;
/// Heap memory of the records in flight between two shards, from which on the producer waits: a few batches of large
/// records keep both shards busy. It is exceeded by what one input batch expands to.
inline constexpr std::size_t kExchangeHeapBytes = 8 * kBatchHeapBytes;

/// One direction between two shards. The producer's shard uses take() and send(), the consumer's receive(); batches
/// come home on the consumer's shard.
class MILLSTREAM_EXPORT ChannelBase : public BatchHome {
 public:
  ChannelBase(std::size_t slots, ShardSignal& producer, ShardSignal& consumer)
      : forward_{slots}, back_{2 * slots + 2}, producer_{producer}, consumer_{consumer} {}
  ~ChannelBase() override;

  /// Sends what waits and reports whether another batch could be sent at once.
  [[nodiscard]] bool has_room() {
    return flush_waiting() && want_until([this] { return forward_.has_room(1) && has_room_for_bytes(); });
  }
  /// Takes the batch; what the ring has no slot for waits here.
  void send(BatchBase* batch);
  /// Nothing waits here for a slot.
  [[nodiscard]] bool flush_waiting();
  [[nodiscard]] bool drained() const { return forward_.empty(); }
  [[nodiscard]] std::size_t size() const { return forward_.size(); }
  [[nodiscard]] std::size_t slots() const noexcept { return forward_.slots(); }
  /// Heap memory of the records that were sent and not yet received. Either side's thread.
  [[nodiscard]] std::size_t heap_bytes() const {
    const std::uint64_t received = received_bytes_.load(std::memory_order_acquire);
    return static_cast<std::size_t>(sent_bytes_.load(std::memory_order_acquire) - received);
  }

  /// The next batch, or null.
  [[nodiscard]] BatchBase* receive();
  void take_back(BatchBase* batch) noexcept override;

 protected:
  [[nodiscard]] BatchBase* reuse() {
    BatchBase* batch = nullptr;
    return back_.pop(batch) ? batch : nullptr;
  }

 private:
  /// look() says whether there is room. Where there is none, the consumer is told that the producer wants some, and
  /// one more look finds what was freed before it could hear of that.
  template <class Look>
  bool want_until(Look&& look) {
    const bool wants = wants_room_.load(std::memory_order_relaxed);
    if (look()) [[likely]] {
      if (wants) wants_room_.store(false, std::memory_order_relaxed);
      return true;
    }
    if (wants) return false;
    wants_room_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the fence in receive()
    return look();
  }
  [[nodiscard]] bool has_room_for_bytes() const {
    return sent_bytes_.load(std::memory_order_relaxed) == 0 || heap_bytes() < kExchangeHeapBytes;
  }
  /// True where what is under way has just come down to half of what it may be.
  [[nodiscard]] bool note_received(std::size_t heap_bytes_of_batch);

  Ring<BatchBase*> forward_;
  Ring<BatchBase*> back_;
  std::vector<BatchBase*> waiting_;      // at most what one input batch expands to
  std::atomic<bool> wants_room_{false};  // written by the producer alone
  ShardSignal& producer_;
  ShardSignal& consumer_;
  // Both only grow; they stay 0 where records own no heap memory.
  alignas(kCacheLine) std::atomic<std::uint64_t> sent_bytes_{0};      // written by the producer
  alignas(kCacheLine) std::atomic<std::uint64_t> received_bytes_{0};  // written by the consumer
};

template <class T>
class Channel final : public ChannelBase {
 public:
  using ChannelBase::ChannelBase;
  [[nodiscard]] Batch<T>* take() {
    if (BatchBase* batch = reuse()) return static_cast<Batch<T>*>(batch);
    auto* batch = new Batch<T>(kBatchRecordsMax);
    batch->home = this;
    return batch;
  }
};

/// The sending side on one shard: spreads the records of each batch over the channels to all shards.
template <class T>
class ExchangeOutlet final : public Stage {
 public:
  ExchangeOutlet(Routing routing, std::uint32_t fill, const std::vector<std::shared_ptr<ChannelBase>>& channels)
      : routing_{routing}, fill_{fill}, open_(channels.size(), nullptr), sent_(channels.size()) {
    for (const auto& channel : channels) channels_.push_back(static_cast<Channel<T>*>(channel.get()));
  }
  ~ExchangeOutlet() override {
    for (Batch<T>* batch : open_) delete batch;
  }

  bool ready() override {
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      const bool begun = open_[i] != nullptr && !open_[i]->empty();
      if (begun ? !channels_[i]->has_room() : !channels_[i]->flush_waiting()) return false;
    }
    return true;
  }

  void push(BatchHandle handle) override {
    auto batch = batch_cast<T>(std::move(handle));
    metrics_.records_in.add(batch->size());
    metrics_.batches_in.add(1);
    pushed_ = true;
    ingested_ns_ = batch->ingested_ns;
    std::uint32_t from = 0;
    Watermarks at = batch->start;
    for (const Mark& mark : batch->marks) {
      route(*batch, from, mark.position, at);
      from = mark.position;
      at = mark.at;
    }
    route(*batch, from, batch->size(), at);
    next_ = (next_ + 1) % channels_.size();
    metrics_.watermark_us.set(static_cast<std::uint64_t>(at.merged.time_since_epoch().count()));
    const Control control = batch->control;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      Batch<T>& open = opened(i);
      open.mark(at);
      open.control = control;
      // A consumer with nothing to do gets what there is; a busy one finds fuller batches.
      if (control != Control::kNone || channels_[i]->drained()) flush(i);
    }
    if (control == Control::kEnd) ended_ = true;
    if (control == Control::kBarrier) reach_barrier();
  }

  Progress step() override {
    bool advanced = false;
    bool blocked = false;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      if (!channels_[i]->flush_waiting()) {
        blocked = true;
      } else if (has_news(i) && (!pushed_ || channels_[i]->drained())) {
        // Without room it stays open: were it sent, the next one could be begun.
        channels_[i]->has_room() ? advanced |= flush(i) : blocked = true;
      }
    }
    pushed_ = false;
    return advanced ? Progress::kAdvanced : blocked ? Progress::kBlocked : Progress::kIdle;
  }
  bool finished() const override {
    if (!ended_) return false;
    for (const auto& channel : channels_) {
      if (!channel->flush_waiting()) return false;
    }
    return true;
  }

 private:
  Batch<T>& opened(std::size_t i) {
    if (open_[i] == nullptr) {
      open_[i] = channels_[i]->take();
      open_[i]->start = sent_[i];
      open_[i]->ingested_ns = ingested_ns_;
    }
    return *open_[i];
  }
  /// The begun batch says something that the receiver does not know.
  [[nodiscard]] bool has_news(std::size_t i) const {
    const Batch<T>* batch = open_[i];
    return batch != nullptr && (!batch->empty() || batch->control != Control::kNone || batch->end() != sent_[i]);
  }
  bool flush(std::size_t i) {
    if (!has_news(i)) return false;
    Batch<T>* batch = open_[i];
    sent_[i] = batch->end();
    metrics_.records_out.add(batch->size());
    open_[i] = nullptr;
    channels_[i]->send(batch);
    return true;
  }
  void route(Batch<T>& batch, std::uint32_t from, std::uint32_t to, const Watermarks& at) {
    for (std::size_t i = 0; i < channels_.size(); ++i) opened(i).mark(at);
    if (from == to) return;
    switch (routing_) {
      case Routing::kByKey: {
        const auto shards = static_cast<std::uint32_t>(channels_.size());
        const std::uint64_t* hashes = batch.hashes.data();
        for (std::uint32_t i = from; i < to; ++i) append(shard_of(hashes[i], shards), batch, i, at);
        break;
      }
      case Routing::kRoundRobin:
        for (std::uint32_t i = from; i < to; ++i) append(next_, batch, i, at);
        break;
      case Routing::kToAll:
        for (std::uint32_t i = from; i < to; ++i) {
          if constexpr (std::is_copy_constructible_v<T>) {
            for (std::size_t c = 0; c + 1 < channels_.size(); ++c) {
              T copy(batch.values()[i]);
              append_value(c, batch, i, at, std::move(copy));
            }
          }
          append(channels_.size() - 1, batch, i, at);
        }
        break;
    }
  }
  void append(std::size_t target, Batch<T>& from, std::uint32_t i, const Watermarks& at) {
    append_value(target, from, i, at, std::move(from.values()[i]));
  }
  void append_value(std::size_t target, Batch<T>& from, std::uint32_t i, const Watermarks& at, T&& value) {
    Batch<T>* to = open_[target];
    if (to->size() >= fill_ || (kOwnsHeap<T> && to->heap_bytes >= kBatchHeapBytes)) [[unlikely]] {
      flush(target);
      to = &opened(target);
      to->mark(at);
    }
    if constexpr (kOwnsHeap<T>) to->heap_bytes += heap_bytes(value);
    const std::uint32_t place = to->size();
    // A batch may have been begun for a mark, long ago.
    if (place == 0) to->ingested_ns = ingested_ns_;
    to->emplace_back(std::move(value));
    // Time and hash are the columns of nearly every record that changes shards.
    if (from.times.present()) to->times.enable()[place] = from.times.data()[i];
    if (from.hashes.present()) to->hashes.enable()[place] = from.hashes.data()[i];
    if (from.origins.present() || from.kinds.present()) [[unlikely]]
      to->copy_columns(from, i, place);
  }

  Routing routing_;
  std::uint32_t fill_;
  std::vector<Channel<T>*> channels_;  // the engine keeps them longer than any stage
  std::vector<Batch<T>*> open_;
  std::vector<Watermarks> sent_;
  std::int64_t ingested_ns_ = 0;
  std::size_t next_ = 0;
  bool pushed_ = false;
  bool ended_ = false;
};

/// The receiving side on one shard.
class MILLSTREAM_EXPORT ExchangeInlet final : public Stage {
 public:
  ExchangeInlet(std::unique_ptr<OutputBase> output, std::vector<std::shared_ptr<ChannelBase>> channels)
      : output_{std::move(output)},
        channels_{std::move(channels)},
        merge_{static_cast<std::uint32_t>(channels_.size())} {}

  [[nodiscard]] OutputBase& output() noexcept { return *output_; }
  /// While the graph is built: shard `i` reads no split that leads here. Were it waited for, which records meet in a
  /// pane would depend on when that shard first runs.
  void expect_nothing_from(std::uint32_t i) { merge_.expect_nothing_from(i); }
  bool ready() override { return false; }
  void push(BatchHandle) override { MILLSTREAM_ASSERT(!"batches reach an inlet through its channels"); }
  Progress step() override;
  bool finished() const override { return merge_.ended() && output_->outbox_empty(); }
  std::size_t queued() const override;
  std::size_t queue_slots() const override;

 private:
  std::unique_ptr<OutputBase> output_;
  std::vector<std::shared_ptr<ChannelBase>> channels_;
  InputMerge merge_;
  std::size_t next_ = 0;
};

}  // namespace millstream::inline v0
