// Rings between shards, and the two sides of them.
#include "millstream/channel/exchange.hpp"

namespace millstream::inline v0 {

Channel::Channel(std::size_t slots, ShardSignal& producer, ShardSignal& consumer)
    : forward_{slots}, back_{2 * slots + 2}, producer_{producer}, consumer_{consumer} {}

Channel::~Channel() {
  BatchBase* batch = nullptr;
  while (forward_.pop(batch)) delete batch;
  while (back_.pop(batch)) delete batch;
  for (BatchBase* each : waiting_) delete each;
}

void Channel::send(BatchBase* batch) {
  if (batch->heap_bytes > 0) {
    // Before the batch can be received. Only this thread writes it.
    const std::uint64_t sent = sent_bytes_.load(std::memory_order_relaxed) + batch->heap_bytes;
    sent_bytes_.store(sent, std::memory_order_release);  // pairs with the acquire in heap_bytes()
  }
  if (!waiting_.empty() || !forward_.push(batch)) {
    waiting_.push_back(batch);
    return;
  }
  consumer_.notify();
}

bool Channel::flush_waiting() {
  if (waiting_.empty()) return true;
  return want_until([this] {
    std::size_t sent = 0;
    while (sent < waiting_.size() && forward_.push(waiting_[sent])) ++sent;
    if (sent > 0) {
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent));
      consumer_.notify();
    }
    return waiting_.empty();
  });
}

BatchBase* Channel::receive() {
  BatchBase* batch = nullptr;
  if (!forward_.pop(batch)) return nullptr;
  // A producer that waits for room is woken when the ring has become half empty, or what is under way half of what it
  // may be. What the consumer sees of the ring may be old, so the last batch in sight counts too: whatever a producer
  // that found no room had put into it, the consumer comes to the end of it. So a run of batches costs few fences.
  const std::size_t in_sight = forward_.in_sight();
  bool crossed = in_sight == 0 || in_sight == forward_.slots() / 2;
  if (batch->heap_bytes > 0) crossed |= note_received(batch->heap_bytes);
  if (crossed) {
    // Pairs with the fence in want_until(): either we see that the producer wants room, or its second look sees the
    // slot that has just been freed. Whether it sleeps by now is settled the same way between notify() and
    // prepare_to_park().
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (wants_room_.load(std::memory_order_relaxed)) producer_.notify();
  }
  return batch;
}

bool Channel::note_received(std::size_t heap_bytes_of_batch) {
  const std::uint64_t received = received_bytes_.load(std::memory_order_relaxed) + heap_bytes_of_batch;
  received_bytes_.store(received, std::memory_order_release);  // pairs with the acquire in heap_bytes()
  const std::size_t left = heap_bytes();
  return left <= kExchangeHeapBytes / 2 && left + heap_bytes_of_batch > kExchangeHeapBytes / 2;
}

void Channel::take_back(BatchBase* batch) noexcept {
  batch->reset();
  if (!back_.push(batch)) delete batch;
}

ExchangeOutletBase::ExchangeOutletBase(Routing routing, std::uint32_t fill,
                                       const std::vector<std::shared_ptr<Channel>>& channels)
    : routing_{routing}, fill_{fill}, open_(channels.size(), nullptr), sent_(channels.size()) {
  for (const auto& channel : channels) channels_.push_back(channel.get());
}

ExchangeOutletBase::~ExchangeOutletBase() {
  for (BatchBase* batch : open_) delete batch;
}

bool ExchangeOutletBase::ready() {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const bool begun = open_[i] != nullptr && !open_[i]->empty();
    if (begun ? !channels_[i]->has_room() : !channels_[i]->flush_waiting()) return false;
  }
  return true;
}

void ExchangeOutletBase::push(BatchHandle batch) {
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
    BatchBase& open = opened(i);
    open.mark(at);
    open.control = control;
    // A consumer with nothing to do gets what there is; a busy one finds fuller batches.
    if (control != Control::kNone || channels_[i]->drained()) flush(i);
  }
  if (control == Control::kEnd) ended_ = true;
  if (control == Control::kBarrier) reach_barrier();
}

Progress ExchangeOutletBase::step() {
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

bool ExchangeOutletBase::finished() const {
  if (!ended_) return false;
  for (Channel* channel : channels_) {
    if (!channel->flush_waiting()) return false;
  }
  return true;
}

BatchBase* ExchangeOutletBase::begin_next(std::size_t target, const Watermarks& at) {
  flush(target);
  BatchBase& next = opened(target);
  next.mark(at);
  return &next;
}

BatchBase& ExchangeOutletBase::opened(std::size_t i) {
  if (open_[i] == nullptr) {
    open_[i] = channels_[i]->reuse();
    if (open_[i] == nullptr) {
      open_[i] = make_batch();
      open_[i]->home = channels_[i];
    }
    open_[i]->start = sent_[i];
    open_[i]->ingested_ns = ingested_ns_;
  }
  return *open_[i];
}

// The begun batch says something that the receiver does not know.
bool ExchangeOutletBase::has_news(std::size_t i) const {
  const BatchBase* batch = open_[i];
  return batch != nullptr && (!batch->empty() || batch->control != Control::kNone || batch->end() != sent_[i]);
}

bool ExchangeOutletBase::flush(std::size_t i) {
  if (!has_news(i)) return false;
  BatchBase* batch = open_[i];
  sent_[i] = batch->end();
  metrics_.records_out.add(batch->size());
  open_[i] = nullptr;
  channels_[i]->send(batch);
  return true;
}

void ExchangeOutletBase::route(BatchBase& batch, std::uint32_t from, std::uint32_t to, const Watermarks& at) {
  for (std::size_t i = 0; i < channels_.size(); ++i) opened(i).mark(at);
  if (from < to) append(batch, from, to, at);
}

ExchangeInlet::ExchangeInlet(std::unique_ptr<OutputBase> output, std::vector<std::shared_ptr<Channel>> channels)
    : output_{std::move(output)},
      channels_{std::move(channels)},
      merge_{static_cast<std::uint32_t>(channels_.size())} {}
ExchangeInlet::~ExchangeInlet() = default;

Progress ExchangeInlet::step() {
  bool advanced = false;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    if (!output_->ready()) return advanced ? Progress::kAdvanced : queued() > 0 ? Progress::kBlocked : Progress::kIdle;
    const auto number = static_cast<std::uint32_t>(next_);
    next_ = (next_ + 1) % channels_.size();
    if (merge_.held(number)) continue;
    BatchHandle batch{channels_[number]->receive()};
    if (!batch) continue;
    metrics_.records_in.add(batch->size());
    metrics_.batches_in.add(1);
    merge_.rewrite(number, *batch);
    metrics_.watermark_us.set(static_cast<std::uint64_t>(merge_.watermark().time_since_epoch().count()));
    const bool barrier = batch->control == Control::kBarrier;
    output_->emit_ready(std::move(batch));
    if (barrier) reach_barrier();
    advanced = true;
  }
  return advanced ? Progress::kAdvanced : merge_.ended() ? Progress::kDone : Progress::kIdle;
}

std::size_t ExchangeInlet::queue_slots() const {
  std::size_t total = 0;
  for (const auto& channel : channels_) total += channel->slots();
  return total;
}

std::size_t ExchangeInlet::queued() const {
  std::size_t total = 0;
  for (const auto& channel : channels_) total += channel->size();
  return total;
}

}  // namespace millstream::inline v0
