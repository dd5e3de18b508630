// The sessions of one key: disjoint, nearly always one. The first stands in place, so that a key with one session costs
// no allocation; more lie behind it.
#pragma once

#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

template <class Acc>
struct Session {
  Timestamp start{};
  Timestamp end{};
  Acc acc{};
  std::int64_t fired = 0;   ///< results given out so far
  std::uint64_t fresh = 0;  ///< records since the last one
  bool closed = false;      ///< has fired as complete
  BOOST_DESCRIBE_CLASS(Session, (), (start, end, acc, fired, fresh, closed), (), ())
};

/// In no particular order.
template <class Acc>
class SessionList {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return has_first ? 1 + more.size() : 0; }
  [[nodiscard]] bool empty() const noexcept { return !has_first; }
  [[nodiscard]] Session<Acc>& operator[](std::size_t i) noexcept { return i == 0 ? first : more[i - 1]; }

  Session<Acc>& push(Session<Acc> session) {
    if (!has_first) {
      first = std::move(session);
      has_first = true;
      return first;
    }
    return more.emplace_back(std::move(session));
  }
  void remove(std::size_t i) {
    if (more.empty()) {
      has_first = false;
      first.acc = Acc{};  // may hold memory
      return;
    }
    if (i == 0) {
      first = std::move(more.back());
    } else if (i < more.size()) {
      more[i - 1] = std::move(more.back());
    }
    more.pop_back();
  }

  // State, described as it is.
  bool has_first = false;
  Session<Acc> first;
  std::vector<Session<Acc>> more;
  BOOST_DESCRIBE_CLASS(SessionList, (), (has_first, first, more), (), ())
};

}  // namespace millstream::inline v0
