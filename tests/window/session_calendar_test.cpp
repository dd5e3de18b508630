// SessionCalendar against a list that is searched: what is due comes out in order, also when the watermark leaps, when
// entries are put off or void, and when every call is cut short.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "millstream/window/session_calendar.hpp"

namespace millstream {
namespace {

using Due = SessionCalendar::Due;

// Entry i is key i: where it is due now, or that it has gone.
struct Keys {
  std::vector<Timestamp> due;
  std::vector<bool> gone;
  bool put_off(Due& entry) const {
    if (gone[entry.number]) return false;
    entry.at = due[entry.number];
    return true;
  }
  // Numbers of the keys that are due, earliest first; equal times by hash, which is the number here.
  [[nodiscard]] std::vector<std::uint32_t> due_until(Timestamp time) const {
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < due.size(); ++i) {
      if (!gone[i] && due[i] <= time) numbers.push_back(i);
    }
    std::sort(numbers.begin(), numbers.end(),
              [&](auto a, auto b) { return std::pair{due[a], a} < std::pair{due[b], b}; });
    return numbers;
  }
};

class Driver {
 public:
  Driver(std::uint64_t seed, std::int64_t page, std::int64_t span)
      : random_{seed}, span_{span}, calendar_{Duration{page}} {}

  void run(int rounds) {
    Timestamp now{Duration{-span_}};
    for (int round = 0; round < rounds; ++round) {
      add(now);
      change();
      now = round + 1 == rounds ? kTimestampMax : now + Duration{pick(0, span_ / (pick(0, 9) == 0 ? 2 : 20))};
      turn(now);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

 private:
  std::int64_t pick(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>{from, to}(random_);
  }
  void add(Timestamp now) {
    for (std::int64_t n = pick(0, 300); n > 0; --n) {
      // Some are due at once, some at the very ends of time.
      const std::int64_t kind = pick(0, 99);
      const Timestamp at = kind == 0   ? kTimestampMax
                           : kind == 1 ? kTimestampMin
                                       : now + Duration{pick(-span_ / 50, span_)};
      const auto number = static_cast<std::uint32_t>(keys_.due.size());
      keys_.due.push_back(at);
      keys_.gone.push_back(false);
      calendar_.push({at, number, number});
    }
  }
  // As the stage does: a key that goes leaves its entry, one that is extended leaves it where it was.
  void change() {
    for (std::uint32_t i = 0; i < keys_.due.size(); ++i) {
      if (keys_.gone[i]) continue;
      const std::int64_t kind = pick(0, 9);
      if (kind == 0) keys_.gone[i] = true;
      if (kind < 4 && keys_.due[i] != kTimestampMax) keys_.due[i] += Duration{pick(0, span_ / 10)};
    }
  }
  void turn(Timestamp now) {
    const std::vector<std::uint32_t> expected = keys_.due_until(now);
    std::vector<std::uint32_t> out;
    const auto put_off = [&](Due& due) { return keys_.put_off(due); };
    const auto fetch = [](const Due&) {};
    const auto stop = [&] { return pick(0, 7) == 0; };
    while (true) {
      if (!calendar_.turn_to(now, put_off, fetch, stop)) continue;
      if (!calendar_.has_due(now)) break;
      if (pick(0, 7) == 0) look_ahead(now);
      Due due = calendar_.pop();
      if (keys_.gone[due.number]) continue;
      if (keys_.due[due.number] != due.at) {  // extended while it was in order
        due.at = keys_.due[due.number];
        calendar_.push(due);
        continue;
      }
      keys_.gone[due.number] = true;
      out.push_back(due.number);
    }
    ASSERT_EQ(out, expected);
  }

  // What first_due() says is what pop() gives next, up to the horizon.
  void look_ahead(Timestamp now) {
    const auto count = static_cast<std::size_t>(pick(1, 40));
    std::vector<Due> dues;
    calendar_.first_due(now, count, dues);
    for (const Due& due : dues) {
      ASSERT_TRUE(calendar_.has_due(now));
      ASSERT_EQ(calendar_.first().number, due.number);
      ASSERT_EQ(calendar_.pop().at, due.at);
    }
    EXPECT_TRUE(dues.size() == count || !calendar_.has_due(now));
    for (const Due& due : dues) calendar_.push(due);
  }

  std::mt19937_64 random_;
  std::int64_t span_;
  Keys keys_;
  SessionCalendar calendar_;
};

TEST(SessionCalendar, GivesOutWhatIsDueInOrder) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    for (const std::int64_t page : {1, 7, 256, 1'000, 100'000}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", page " + std::to_string(page));
      Driver{seed, page, 50'000}.run(20);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(SessionCalendar, ManyEntriesOfOnePage) { Driver{1, 1'000'000'000, 1'000'000}.run(100); }

}  // namespace
}  // namespace millstream
