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

/// One direction between two shards. The producer's shard uses reuse() and send(), the consumer's receive(); batches
/// come home on the consumer's shard.
class MILLSTREAM_EXPORT Channel final : public BatchHome {
 public:
  Channel(std::size_t slots, ShardSignal& producer, ShardSignal& consumer);
  ~Channel() override;

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

  /// An empty batch that has come home, or null: then the producer makes one whose home is here.
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

/// The sending side on one shard: spreads the records of each batch over the channels to all shards. This part does not
/// depend on the type of the records.
class MILLSTREAM_EXPORT ExchangeOutletBase : public Stage {
 public:
  /// The engine keeps the channels longer than any stage.
  ExchangeOutletBase(Routing routing, std::uint32_t fill, const std::vector<std::shared_ptr<Channel>>& channels);
  ~ExchangeOutletBase() override;

  bool ready() override;
  void push(BatchHandle handle) override;
  Progress step() override;
  bool finished() const override;

 protected:
  [[nodiscard]] virtual BatchBase* make_batch() const = 0;
  /// Appends records [first, last) of `from`, behind whose first one `at` holds.
  virtual void append(BatchBase& from, std::uint32_t first, std::uint32_t last, const Watermarks& at) = 0;

  [[nodiscard]] Routing routing() const noexcept { return routing_; }
  [[nodiscard]] std::size_t targets() const noexcept { return channels_.size(); }
  /// Whose turn it is where records go round.
  [[nodiscard]] std::size_t next() const noexcept { return next_; }
  /// The batch that has been begun for a target. During append() there is one for each.
  [[nodiscard]] BatchBase* begun(std::size_t target) const noexcept { return open_[target]; }
  /// Records that a batch is filled to.
  [[nodiscard]] std::uint32_t fill() const noexcept { return fill_; }
  /// Sends the begun batch and begins the next one.
  BatchBase* begin_next(std::size_t target, const Watermarks& at);
  [[nodiscard]] std::int64_t ingested_ns() const noexcept { return ingested_ns_; }

 private:
  BatchBase& opened(std::size_t i);
  [[nodiscard]] bool has_news(std::size_t i) const;
  bool flush(std::size_t i);
  void route(BatchBase& batch, std::uint32_t from, std::uint32_t to, const Watermarks& at);

  Routing routing_;
  std::uint32_t fill_;
  std::vector<Channel*> channels_;
  std::vector<BatchBase*> open_;
  std::vector<Watermarks> sent_;
  std::int64_t ingested_ns_ = 0;
  std::size_t next_ = 0;
  bool pushed_ = false;
  bool ended_ = false;
};

template <class T>
class ExchangeOutlet final : public ExchangeOutletBase {
 public:
  using ExchangeOutletBase::ExchangeOutletBase;

 private:
  BatchBase* make_batch() const override { return detail::make_batch<T>(kBatchRecordsMax); }
  void append(BatchBase& from, std::uint32_t first, std::uint32_t last, const Watermarks& at) override {
    auto& batch = static_cast<Batch<T>&>(from);
    switch (routing()) {
      case Routing::kByKey:
        if constexpr (std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>) {
          // A few records between two marks are not worth the setting up.
          if (last - first >= targets() && !batch.origins.present() && !batch.kinds.present()) {
            scatter(batch, first, last, at);
            break;
          }
        }
        for (std::uint32_t i = first; i < last; ++i) move_to(shard_of(batch, i), batch, i, at);
        break;
      case Routing::kRoundRobin:
        for (std::uint32_t i = first; i < last; ++i) move_to(next(), batch, i, at);
        break;
      case Routing::kToAll:
        for (std::uint32_t i = first; i < last; ++i) {
          if constexpr (std::is_copy_constructible_v<T>) {
            for (std::size_t target = 0; target + 1 < targets(); ++target) {
              T copy(batch.values()[i]);
              append_value(target, batch, i, at, std::move(copy));
            }
          }
          move_to(targets() - 1, batch, i, at);
        }
        break;
    }
  }
  [[nodiscard]] std::uint32_t shard_of(const Batch<T>& batch, std::uint32_t i) const {
    return millstream::shard_of(batch.hashes.data()[i], static_cast<std::uint32_t>(targets()));
  }
  // The same as move_to() for each record, where a record is its value, time and hash alone. The loop sees plain
  // arrays: asking the batch of the target for its columns takes several times as long as writing to them.
  void scatter(Batch<T>& from, std::uint32_t first, std::uint32_t last, const Watermarks& at) {
    lanes_.resize(targets());
    const T* values = from.values();
    const std::uint64_t* hashes = from.hashes.data();
    const Timestamp* times = from.times.present() ? from.times.data() : nullptr;
    for (std::size_t target = 0; target < lanes_.size(); ++target) open_lane(target, times != nullptr);
    for (std::uint32_t i = first; i < last; ++i) {
      const std::size_t target = shard_of(from, i);
      Lane& lane = lanes_[target];
      if (lane.size >= fill()) [[unlikely]] {
        close_lane(target);
        begin_next(target, at);
        open_lane(target, times != nullptr);
      }
      const std::uint32_t place = lane.size++;
      ::new (static_cast<void*>(lane.values + place)) T(values[i]);
      lane.hashes[place] = hashes[i];
      if (times != nullptr) lane.times[place] = times[i];
    }
    for (std::size_t target = 0; target < lanes_.size(); ++target) close_lane(target);
  }
  void open_lane(std::size_t target, bool timed) {
    auto& batch = static_cast<Batch<T>&>(*begun(target));
    lanes_[target] = {batch.values(), batch.hashes.enable(), timed ? batch.times.enable() : nullptr, batch.size()};
  }
  void close_lane(std::size_t target) {
    BatchBase& batch = *begun(target);
    if (batch.empty() && lanes_[target].size > 0) batch.ingested_ns = ingested_ns();
    batch.set_size(lanes_[target].size);
  }
  void move_to(std::size_t target, Batch<T>& from, std::uint32_t i, const Watermarks& at) {
    append_value(target, from, i, at, std::move(from.values()[i]));
  }
  void append_value(std::size_t target, Batch<T>& from, std::uint32_t i, const Watermarks& at, T&& value) {
    auto* to = static_cast<Batch<T>*>(begun(target));
    if (to->size() >= fill() || (kOwnsHeap<T> && to->heap_bytes >= kBatchHeapBytes)) [[unlikely]]
      to = static_cast<Batch<T>*>(begin_next(target, at));
    if constexpr (kOwnsHeap<T>) to->heap_bytes += heap_bytes(value);
    const std::uint32_t place = to->size();
    // A batch may have been begun for a mark, long ago.
    if (place == 0) to->ingested_ns = ingested_ns();
    to->emplace_back(std::move(value));
    // Time and hash are the columns of nearly every record that changes shards.
    if (from.times.present()) to->times.enable()[place] = from.times.data()[i];
    if (from.hashes.present()) to->hashes.enable()[place] = from.hashes.data()[i];
    if (from.origins.present() || from.kinds.present()) [[unlikely]]
      to->copy_columns(from, i, place);
  }

  // A begun batch, taken apart.
  struct Lane {
    T* values;
    std::uint64_t* hashes;
    Timestamp* times;
    std::uint32_t size;
  };
  std::vector<Lane> lanes_;  // by target
};

/// The receiving side on one shard.
class MILLSTREAM_EXPORT ExchangeInlet final : public Stage {
 public:
  ExchangeInlet(std::unique_ptr<OutputBase> output, std::vector<std::shared_ptr<Channel>> channels);
  ~ExchangeInlet() override;

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
  std::vector<std::shared_ptr<Channel>> channels_;
  InputMerge merge_;
  std::size_t next_ = 0;
};

}  // namespace millstream::inline v0
