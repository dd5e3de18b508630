#include "state/cold/cold_readers.hpp"

#include <bit>
#include <exception>
#include <utility>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {

std::optional<ColdMailbox::Ticket> ColdMailbox::ask(std::unique_ptr<ColdQuery>& query) {
  MILLSTREAM_ASSERT(query != nullptr);
  if (used_ == ~std::uint64_t{0}) return std::nullopt;
  const auto slot = static_cast<Ticket>(std::countr_one(used_));
  const std::uint64_t bit = std::uint64_t{1} << slot;
  used_ |= bit;
  slots_[slot] = std::move(query);
  if (readers_->closed_.load(std::memory_order_relaxed)) {
    slots_[slot]->status = {ErrorCode::kCancelled, "the readers of the cold store are closed"};
    answered_.fetch_or(bit, std::memory_order_relaxed);
    return slot;
  }
  asked_.fetch_or(bit, std::memory_order_release);          // pairs with the acquire in claim()
  readers_->bell_.fetch_add(1, std::memory_order_release);  // pairs with the acquire in run()
  readers_->bell_.notify_one();
  return slot;
}

std::unique_ptr<ColdQuery> ColdMailbox::take(Ticket ticket) {
  const std::uint64_t bit = std::uint64_t{1} << ticket;
  MILLSTREAM_ASSERT((used_ & bit) != 0);
  if ((answered_.load(std::memory_order_acquire) & bit) == 0) return nullptr;  // pairs with the release in give_back()
  answered_.fetch_and(~bit, std::memory_order_relaxed);
  used_ &= ~bit;
  return std::move(slots_[ticket]);
}

std::size_t ColdMailbox::pending() const noexcept { return static_cast<std::size_t>(std::popcount(used_)); }

ColdReaders::ColdReaders(ColdStore& store, std::size_t threads, std::vector<Waker> wakers) : store_{store} {
  for (Waker& waker : wakers) {
    ColdMailbox& mailbox = *mailboxes_.emplace_back(std::make_unique<ColdMailbox>());
    mailbox.readers_ = this;
    mailbox.waker_ = std::move(waker);
  }
  threads_.reserve(threads);
  try {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
  } catch (...) {
    close();  // those that were started must end before this does
    throw;
  }
}

ColdReaders::~ColdReaders() { close(); }

ColdMailbox* ColdReaders::claim(std::uint64_t turn, std::size_t& slot) {
  const std::size_t count = mailboxes_.size();
  for (std::size_t i = 0; i < count; ++i) {
    ColdMailbox& mailbox = *mailboxes_[(turn + i) % count];
    const int shift = static_cast<int>((turn / count) % kColdQueriesMax);
    // Another place each time, so that a slot that is asked again and again does not keep the others waiting.
    std::uint64_t waiting = mailbox.asked_.load(std::memory_order_relaxed);
    while (waiting != 0) {
      const int at = (std::countr_zero(std::rotr(waiting, shift)) + shift) % static_cast<int>(kColdQueriesMax);
      const std::uint64_t bit = std::uint64_t{1} << at;
      // Pairs with the release in ask(). Whoever takes the bit away has the question.
      waiting = mailbox.asked_.fetch_and(~bit, std::memory_order_acquire);
      if ((waiting & bit) != 0) {
        slot = static_cast<std::size_t>(at);
        return &mailbox;
      }
    }
  }
  return nullptr;
}

void ColdReaders::give_back(ColdMailbox& mailbox, std::size_t slot) {
  mailbox.answered_.fetch_or(std::uint64_t{1} << slot, std::memory_order_release);  // pairs with the acquire in take()
  mailbox.waker_.wake();
}

void ColdReaders::answer(ColdMailbox& mailbox, std::size_t slot) {
  ColdQuery& query = *mailbox.slots_[slot];
  try {
    query.status = query.kind == ColdQuery::Kind::kGet
                       ? store_.get(query.column, query.keys, query.answer)
                       : store_.scan(query.column, query.first, query.end, query.piece, query.answer);
  } catch (const std::exception& failure) {
    query.answer.clear();
    query.status = Status{ErrorCode::kInternal, failure.what()}.at("reading the cold store");
  }
  give_back(mailbox, slot);
}

void ColdReaders::run(std::size_t reader) {
  std::uint64_t turn = reader;
  while (true) {
    const std::uint32_t heard = bell_.load(std::memory_order_acquire);  // pairs with the releases in ask() and close()
    if (closed_.load(std::memory_order_relaxed)) return;
    std::size_t slot = 0;
    if (ColdMailbox* mailbox = claim(turn++, slot); mailbox != nullptr) {
      answer(*mailbox, slot);
    } else {
      bell_.wait(heard, std::memory_order_relaxed);
    }
  }
}

bool ColdReaders::step(Random& random) {
  MILLSTREAM_ASSERT(threads_.empty());
  std::size_t slot = 0;
  ColdMailbox* const mailbox = mailboxes_.empty() ? nullptr : claim(random.below(1U << 30), slot);
  if (mailbox == nullptr) return false;
  answer(*mailbox, slot);
  return true;
}

void ColdReaders::close() {
  closed_.store(true, std::memory_order_relaxed);
  bell_.fetch_add(1, std::memory_order_release);  // pairs with the acquire in run()
  bell_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  std::size_t slot = 0;
  while (ColdMailbox* const mailbox = claim(0, slot)) {
    mailbox->slots_[slot]->status = {ErrorCode::kCancelled, "the readers of the cold store are closed"};
    give_back(*mailbox, slot);
  }
}

}  // namespace millstream::inline v0
