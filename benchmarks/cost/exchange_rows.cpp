// exchange_24 and exchange_200: records that change shards by the hash of their key, between two shards that both read
// half of the input; against a bare ring that moves the same records, in batches of the same size, from one thread to
// another.
#include <thread>

#include "cost/row.hpp"
#include "millstream/channel/batch.hpp"
#include "millstream/channel/exchange.hpp"
#include "millstream/channel/ring.hpp"
#include "millstream/stream/keyed_stream.hpp"

namespace cost {
namespace {

using millstream::Batch;
using millstream::Ring;

Input<WideEvent> make_wide_events(std::size_t records) {
  auto events = std::make_shared<std::vector<WideEvent>>();
  events->reserve(records);
  for (std::size_t i = 0; i < records; ++i) {
    WideEvent event{random_bits(i), static_cast<std::int64_t>(i), {}};
    event.payload.fill(i);
    events->push_back(event);
  }
  return events;
}

// The input as two splits, so that both shards read.
template <class T>
struct HalfReplay : Replay<T> {
  std::vector<millstream::Split> splits(millstream::SourceContext&) const { return {{"0", {}}, {"1", {}}}; }
  void open(millstream::SplitContext& context) {
    const std::size_t half = this->records->size() / 2;
    if (context.split_number() == 0) {
      this->end = half;
    } else {
      this->next = half;
    }
  }
  millstream::Poll poll(millstream::SourceOutput<T>& out) { return Replay<T>::poll(out); }
};

// Waits as little as it can, but lets the other thread run where both share a core.
class Spin {
 public:
  void operator()() {
    if (++turns_ < 1000) {
      __builtin_ia32_pause();
    } else {
      std::this_thread::yield();
    }
  }

 private:
  int turns_ = 0;
};

template <class T>
Digest through_bare_ring(const std::vector<T>& input) {
  constexpr std::uint32_t kFill = millstream::batch_records<T>(millstream::kBatchRecordsMax);
  Ring<Batch<T>*> forward{millstream::kExchangeSlots};
  Ring<Batch<T>*> back{2 * millstream::kExchangeSlots};
  std::vector<std::unique_ptr<Batch<T>>> batches;
  const auto pop = [](Ring<Batch<T>*>& ring) {
    Batch<T>* batch = nullptr;
    for (Spin spin; !ring.pop(batch);) spin();
    return batch;
  };
  const auto push = [](Ring<Batch<T>*>& ring, Batch<T>* batch) {
    for (Spin spin; !ring.push(batch);) spin();
  };
  for (std::size_t i = 0; i < millstream::kExchangeSlots + 2; ++i) {
    batches.push_back(std::make_unique<Batch<T>>(kFill));
    push(back, batches.back().get());
  }
  Digest digest;
  std::jthread consumer{[&] {
    Digest mine;
    while (Batch<T>* batch = pop(forward)) {
      for (std::uint32_t i = 0; i < batch->size(); ++i) mine.fold(batch->values()[i]);
      push(back, batch);
    }
    digest = mine;
  }};
  for (std::size_t at = 0; at < input.size();) {
    Batch<T>* batch = pop(back);
    const std::size_t count = std::min<std::size_t>(kFill, input.size() - at);
    std::uninitialized_copy_n(input.data() + at, count, batch->values());
    batch->set_size(static_cast<std::uint32_t>(count));
    push(forward, batch);
    at += count;
  }
  push(forward, nullptr);
  consumer.join();
  return digest;
}

template <class T>
Row exchange(const Input<T>& input) {
  const FoldSink<T> sink;
  const auto flow = std::make_shared<millstream::Dataflow>("exchange");
  const auto keyed = flow->from(HalfReplay<T>{{input}}).key_by(&T::key);
  millstream::Stream<T>{keyed.place()}.to(sink);  // nothing but the exchange
  return {input->size(),
          [flow, sink] {
            const Stopwatch watch;
            check(millstream::run(*flow, {.shards = 2}));
            return watch.stop(sink.take());
          },
          [input] { return time_hand([&] { return through_bare_ring(*input); }); }};
}

}  // namespace

std::vector<NamedRow> exchange_rows() {
  return {{"exchange_24", [] { return exchange(make_events({20'000'000, 10'000, 1'000'000})); }},
          {"exchange_200", [] { return exchange(make_wide_events(4'000'000)); }}};
}

}  // namespace cost
