// Rings between shards, and the side that reads them.
#include "millstream/channel/exchange.hpp"

namespace millstream::inline v0 {

ChannelBase::~ChannelBase() {
  BatchBase* batch = nullptr;
  while (forward_.pop(batch)) delete batch;
  while (back_.pop(batch)) delete batch;
  for (BatchBase* each : waiting_) delete each;
}

void ChannelBase::send(BatchBase* batch) {
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

bool ChannelBase::flush_waiting() {
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

BatchBase* ChannelBase::receive() {
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

bool ChannelBase::note_received(std::size_t heap_bytes_of_batch) {
  const std::uint64_t received = received_bytes_.load(std::memory_order_relaxed) + heap_bytes_of_batch;
  received_bytes_.store(received, std::memory_order_release);  // pairs with the acquire in heap_bytes()
  const std::size_t left = heap_bytes();
  return left <= kExchangeHeapBytes / 2 && left + heap_bytes_of_batch > kExchangeHeapBytes / 2;
}

void ChannelBase::take_back(BatchBase* batch) noexcept {
  batch->reset();
  if (!back_.push(batch)) delete batch;
}

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
