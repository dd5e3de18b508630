// SessionCalendar: which keys have a session due, and when. Far entries lie unsorted in pages of event time; only when
// the watermark reaches a page are its entries looked at: most keys have been extended by then and move on to a later
// page at the cost of an append, and only the others are put in order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// Belongs to one stage.
class SessionCalendar {
 public:
  struct Due {
    Timestamp at;
    std::uint64_t hash;    ///< of the key: makes the order of equal times the same in every run
    std::uint32_t number;  ///< of the key's entry
  };

  /// `page`: event time that a page covers; a fraction of the usual gap.
  explicit SessionCalendar(Duration page) : page_{std::max<std::int64_t>(page.count(), 1)} {}

  void push(const Due& due) {
    const std::int64_t page = page_of(due.at);
    if (page <= open_until_) {
      near_.push_back(due);
      std::push_heap(near_.begin(), near_.end(), later);
    } else {
      far_page(page).push_back(due);
      ++far_entries_;
    }
  }
  /// Opens the pages that `time` has reached, but none while an entry of an earlier one is due: what is in order stays
  /// small, also when time leaps to the end. So call it again until nothing is due. put_off(due) brings an entry up to
  /// date, or says false if it is void; fetch(due) is called some entries ahead of it; stop() true ends the call early,
  /// and false is returned.
  template <class PutOff, class Fetch, class Stop>
  bool turn_to(Timestamp time, PutOff&& put_off, Fetch&& fetch, Stop&& stop) {
    const std::int64_t last = page_of(time);
    while (!far_.empty() && far_.begin()->first <= last) {
      const std::int64_t page = far_.begin()->first;
      if (page > open_until_ && has_due(time)) return true;
      std::vector<Due>& entries = far_.begin()->second;
      open_until_ = std::max(open_until_, page);
      while (!entries.empty()) {
        if (stop()) return false;
        Due due = entries.back();
        entries.pop_back();
        if (entries.size() >= kFetchedAhead) fetch(entries[entries.size() - kFetchedAhead]);
        --far_entries_;
        if (put_off(due)) push(due);
      }
      spare_.push_back(std::move(entries));
      far_.erase(far_.begin());
      cached_ = nullptr;
    }
    open_until_ = std::max(open_until_, last);
    return true;
  }
  /// After turn_to(time): there is an entry that is due.
  [[nodiscard]] bool has_due(Timestamp time) const { return !near_.empty() && near_.front().at <= time; }
  /// The earliest entry.
  Due pop() {
    const Due first = near_.front();
    std::pop_heap(near_.begin(), near_.end(), later);
    near_.pop_back();
    return first;
  }
  [[nodiscard]] std::size_t memory_bytes() const { return (near_.capacity() + far_entries_) * sizeof(Due); }

 private:
  static constexpr std::size_t kFetchedAhead = 8;  // hides a miss of the nearest cache

  static bool later(const Due& a, const Due& b) {
    if (a.at != b.at) return a.at > b.at;
    return a.hash != b.hash ? a.hash > b.hash : a.number > b.number;
  }
  [[nodiscard]] std::int64_t page_of(Timestamp t) const {
    const std::int64_t at = t.time_since_epoch().count();
    return at / page_ - (at % page_ < 0 ? 1 : 0);
  }
  std::vector<Due>& far_page(std::int64_t page) {
    if (cached_ != nullptr && cached_page_ == page) return *cached_;
    const auto [it, made] = far_.try_emplace(page);
    if (made && !spare_.empty()) {
      it->second = std::move(spare_.back());
      spare_.pop_back();
    }
    cached_page_ = page;
    cached_ = &it->second;
    return it->second;
  }

  std::int64_t page_;
  std::vector<Due> near_;  // a heap, earliest first
  std::map<std::int64_t, std::vector<Due>> far_;
  std::vector<std::vector<Due>> spare_;
  std::size_t far_entries_ = 0;
  std::int64_t open_until_ = INT64_MIN;  // pages up to here go to near_
  std::int64_t cached_page_ = 0;
  std::vector<Due>* cached_ = nullptr;
};

}  // namespace millstream::inline v0
