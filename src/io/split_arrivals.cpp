// Which shard reads what has come.
#include "millstream/io/split_arrivals.hpp"

#include <algorithm>
#include <utility>

namespace millstream::inline v0 {

void SplitArrivals::add(std::vector<Split> splits) {
  const std::scoped_lock lock{mutex_};
  for (Split& split : splits) {
    if (progress_ == nullptr) {
      early_.push_back(std::move(split));
    } else if (known_.insert(split.id).second) {
      place(std::move(split));
    }
  }
}

void SplitArrivals::begin(std::shared_ptr<SplitProgress> progress, std::vector<Reader> readers) {
  const std::scoped_lock lock{mutex_};
  progress_ = std::move(progress);
  for (std::uint32_t i = 0; i < progress_->splits(); ++i) known_.insert(progress_->id(i));
  for (Reader& reader : readers) {
    inboxes_.push_back(std::make_unique<Inbox>());
    inboxes_.back()->splits = reader.splits;
    inboxes_.back()->open = reader.splits > 0;
    inboxes_.back()->waker = std::move(reader.waker);
  }
  for (Split& split : std::exchange(early_, {})) {
    if (known_.insert(split.id).second) place(std::move(split));
  }
}

// Only to a shard that reads the source: the others have said that nothing comes from them.
void SplitArrivals::place(Split split) {
  Inbox* to = nullptr;
  for (const auto& inbox : inboxes_) {
    if (inbox->open && (to == nullptr || inbox->splits < to->splits)) to = inbox.get();
  }
  if (to == nullptr) return;
  const std::uint32_t number = progress_->add(split.id);
  ++to->splits;
  to->waiting.push_back({number, std::move(split)});
  to->any.store(true, std::memory_order_release);  // pairs with any()
  to->waker.wake();
}

std::vector<SplitArrivals::Arrival> SplitArrivals::take(std::uint32_t shard) {
  const std::scoped_lock lock{mutex_};
  inboxes_[shard]->any.store(false, std::memory_order_relaxed);
  return std::exchange(inboxes_[shard]->waiting, {});
}

bool SplitArrivals::close(std::uint32_t shard) {
  const std::scoped_lock lock{mutex_};
  if (shard >= inboxes_.size()) return true;
  if (!inboxes_[shard]->waiting.empty()) return false;
  inboxes_[shard]->open = false;
  return true;
}

}  // namespace millstream::inline v0
