#include "millstream/window/session_calendar.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace millstream::inline v0 {
namespace {

bool later(const SessionCalendar::Due& a, const SessionCalendar::Due& b) {
  if (a.at != b.at) return a.at > b.at;
  return a.hash != b.hash ? a.hash > b.hash : a.number > b.number;
}

}  // namespace

SessionCalendar::SessionCalendar(Duration page)
    : slot_width_{std::max<std::int64_t>(page.count() / kSlots, 1)}, open_until_{slot_of(kTimestampMin)} {}

std::int64_t SessionCalendar::slot_of(Timestamp t) const {
  const std::int64_t at = t.time_since_epoch().count();
  return at / slot_width_ - (at % slot_width_ < 0 ? 1 : 0);
}

void SessionCalendar::push(const Due& due) {
  const std::int64_t slot = slot_of(due.at);
  if (slot <= open_until_) {
    near_.push_back(due);
    std::push_heap(near_.begin(), near_.end(), later);
    return;
  }
  ++waiting_;
  if (page_of(slot) == page_of(open_until_)) {
    slots_[static_cast<std::size_t>(slot & (kSlots - 1))].push_back(due);
  } else {
    push_far(page_of(slot), due);
  }
}

void SessionCalendar::push_far(std::int64_t page, const Due& due) {
  if (cached_ == nullptr || cached_page_ != page) {
    cached_ = &far_page(page);
    cached_page_ = page;
  }
  if (cached_->empty() || cached_->back().size() == kPieceEntries) {
    if (spare_.empty()) spare_.emplace_back();
    cached_->push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  cached_->back().push_back(due);
}

// A calendar always has about as many pages ahead, so those that were opened serve again: no allocation for each.
SessionCalendar::Page& SessionCalendar::far_page(std::int64_t page) {
  const auto at = far_.lower_bound(page);
  if (at != far_.end() && at->first == page) return at->second;
  if (spare_pages_.empty()) return far_.emplace_hint(at, page, Page{})->second;
  auto node = std::move(spare_pages_.back());
  spare_pages_.pop_back();
  node.key() = page;
  return far_.insert(at, std::move(node))->second;
}

void SessionCalendar::push_in_order(const Due& due) {
  --waiting_;
  near_.push_back(due);
  std::push_heap(near_.begin(), near_.end(), later);
}

SessionCalendar::Due SessionCalendar::take_opened() {
  --waiting_;
  const Due due = opened_.back().back();
  opened_.back().pop_back();
  if (opened_.back().empty()) {
    spare_.push_back(std::move(opened_.back()));
    opened_.pop_back();
  }
  return due;
}

const SessionCalendar::Due* SessionCalendar::opened_ahead() const {
  if (opened_.empty() || opened_.back().size() < kFetchedAhead) return nullptr;
  return &opened_.back()[opened_.back().size() - kFetchedAhead];
}

bool SessionCalendar::open_next(Timestamp time) {
  const std::int64_t last = slot_of(time);
  const std::int64_t page_end = open_until_ | (kSlots - 1);
  while (open_until_ < std::min(last, page_end)) {
    ++open_until_;
    if (!open_slot().empty()) return true;
  }
  if (!far_.empty() && far_.begin()->first <= page_of(last)) {
    open_until_ = far_.begin()->first * kSlots;
    auto node = far_.extract(far_.begin());
    std::swap(opened_, node.mapped());  // opened_ has no pieces left, but the room for their list
    spare_pages_.push_back(std::move(node));
    cached_ = nullptr;
    return true;
  }
  open_until_ = std::max(open_until_, last);
  return false;
}

// The first of those whose parents have been given comes next.
void SessionCalendar::first_due(Timestamp time, std::size_t count, std::vector<Due>& dues) const {
  dues.clear();
  std::vector<std::size_t> next;
  const auto behind = [&](std::size_t a, std::size_t b) { return later(near_[a], near_[b]); };
  const auto add = [&](std::size_t at) {
    if (at >= near_.size() || near_[at].at > time) return;
    next.push_back(at);
    std::push_heap(next.begin(), next.end(), behind);
  };
  add(0);
  while (!next.empty() && dues.size() < count) {
    std::pop_heap(next.begin(), next.end(), behind);
    const std::size_t at = next.back();
    next.pop_back();
    dues.push_back(near_[at]);
    add(2 * at + 1);
    add(2 * at + 2);
  }
}

SessionCalendar::Due SessionCalendar::pop() {
  const Due first = near_.front();
  std::pop_heap(near_.begin(), near_.end(), later);
  near_.pop_back();
  return first;
}

std::size_t SessionCalendar::memory_bytes() const { return (near_.capacity() + waiting_) * sizeof(Due); }

}  // namespace millstream::inline v0
