// SessionCalendar: which keys have a session due, and when. Far entries lie unsorted in pages of event time; only when
// the watermark reaches a page are its entries looked at: most keys have been extended by then and move on to a later
// page at the cost of an append. The others are dealt out to the slots of the page, and only one slot at a time is put
// in order, so that what is in order fits the cache with millions of keys, too. (After the calendar queue of R. Brown,
// CACM 31 (10), 1988, with a heap for the slot that is due.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// Belongs to one stage.
class MILLSTREAM_EXPORT SessionCalendar {
 public:
  struct Due {
    Timestamp at;
    std::uint64_t hash;    ///< of the key: makes the order of equal times the same in every run
    std::uint32_t number;  ///< of the key's entry
  };

  /// `page`: event time that a page covers; a fraction of the usual gap.
  explicit SessionCalendar(Duration page);

  void push(const Due& due);
  /// Opens the slots that `time` has reached, but none while an entry of an earlier one is due: what is in order stays
  /// small, also when time leaps to the end. So call it again until nothing is due. put_off(due) brings an entry up to
  /// date, or says false if it is void; fetch(due) is called some entries ahead of it; stop() true ends the call early,
  /// and false is returned.
  template <class PutOff, class Fetch, class Stop>
  bool turn_to(Timestamp time, PutOff&& put_off, Fetch&& fetch, Stop&& stop) {
    do {
      while (!opened_.empty()) {
        if (stop()) return false;
        Due due = take_opened();
        if (const Due* ahead = opened_ahead()) fetch(*ahead);
        if (put_off(due)) push(due);
      }
      for (std::vector<Due>& slot = open_slot(); !slot.empty(); slot.pop_back()) {
        if (stop()) return false;
        push_in_order(slot.back());
      }
    } while (!has_due(time) && open_next(time));
    return true;
  }
  /// After turn_to(time): there is an entry that is due.
  [[nodiscard]] bool has_due(Timestamp time) const { return !near_.empty() && near_.front().at <= time; }
  /// The earliest entry, where has_due().
  [[nodiscard]] const Due& first() const { return near_.front(); }
  /// The first `count` of those that are due, in the order in which pop() gives them out.
  void first_due(Timestamp time, std::size_t count, std::vector<Due>& dues) const;
  /// The earliest entry.
  Due pop();
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // A page is in pieces: one vector would be copied whole each time that it grows.
  using Page = std::vector<std::vector<Due>>;
  static constexpr std::size_t kPieceEntries = 4096;
  static constexpr std::size_t kFetchedAhead = 8;  // hides a miss of the nearest cache
  static constexpr int kSlotBits = 8;
  static constexpr std::int64_t kSlots = std::int64_t{1} << kSlotBits;  // of a page

  [[nodiscard]] std::int64_t slot_of(Timestamp t) const;
  static std::int64_t page_of(std::int64_t slot) { return slot >> kSlotBits; }
  std::vector<Due>& open_slot() { return slots_[static_cast<std::size_t>(open_until_ & (kSlots - 1))]; }
  void push_in_order(const Due& due);
  void push_far(std::int64_t page, const Due& due);
  Page& far_page(std::int64_t page);
  Due take_opened();
  [[nodiscard]] const Due* opened_ahead() const;
  // The next slot that has entries, or the next page, which reach no further than `time`; false where there is none.
  bool open_next(Timestamp time);

  std::int64_t slot_width_;
  std::vector<Due> near_;  // a heap, earliest first: slots up to open_until_
  std::int64_t open_until_;
  std::array<std::vector<Due>, kSlots> slots_;  // of the page of open_until_, those behind it
  Page opened_;                                 // entries of that page that put_off() has not seen
  std::map<std::int64_t, Page> far_;
  std::size_t waiting_ = 0;                                           // entries that are not in near_
  Page spare_;                                                        // empty pieces
  std::vector<std::map<std::int64_t, Page>::node_type> spare_pages_;  // opened ones, kept for later
  std::int64_t cached_page_ = 0;
  Page* cached_ = nullptr;
};

}  // namespace millstream::inline v0
