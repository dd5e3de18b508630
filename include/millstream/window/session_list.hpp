// The sessions of one key: disjoint, nearly always one. The first stands in place, so that a key with one session costs
// neither an allocation nor a second cache miss; more lie behind it.
#pragma once

#include <algorithm>
#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// start <= end. Kept small: with many keys its size decides how many of them the cache holds.
template <class Acc>
struct Session {
  Timestamp start{};
  Timestamp end{};
  Acc acc{};
  std::uint32_t fired = 0;       ///< results given out so far
  std::uint32_t fresh : 31 = 0;  ///< records since the last one; stops at its greatest value
  std::uint32_t closed : 1 = 0;  ///< has fired as complete

  static constexpr std::uint32_t kFreshMax = 0x7fffffff;
  void count_record() noexcept {
    if (fresh < kFreshMax) ++fresh;
  }
};

/// As a struct of its members in their order.
template <class Acc>
struct Codec<Session<Acc>> {
  struct Layout {
    Timestamp start, end;
    Acc acc;
    std::uint32_t fired, fresh;
    bool closed;
    using FixedFields = void;
    BOOST_DESCRIBE_CLASS(Layout, (), (start, end, acc, fired, fresh, closed), (), ())
  };
  static void encode(const Session<Acc>& value, ByteWriter& out) {
    Codec<Timestamp>::encode(value.start, out);
    Codec<Timestamp>::encode(value.end, out);
    Codec<Acc>::encode(value.acc, out);
    out.write_fixed(value.fired);
    out.write_fixed(std::uint32_t{value.fresh});
    out.write_fixed(static_cast<char>(value.closed));
  }
  [[nodiscard]] static bool decode(ByteReader& in, Session<Acc>& value) {
    std::uint32_t fresh = 0;
    char closed = 0;
    if (!Codec<Timestamp>::decode(in, value.start) || !Codec<Timestamp>::decode(in, value.end) ||
        !Codec<Acc>::decode(in, value.acc) || !in.read_fixed(value.fired) || !in.read_fixed(fresh) ||
        !in.read_fixed(closed) || value.start > value.end || fresh > value.kFreshMax || (closed != 0 && closed != 1)) {
      return false;
    }
    value.fresh = fresh & value.kFreshMax;
    value.closed = closed == 1;
    return true;
  }
};

/// In no particular order.
template <class Acc>
class SessionList {
 public:
  SessionList() { clear_first(); }

  [[nodiscard]] bool empty() const noexcept { return first_.start > first_.end; }
  [[nodiscard]] bool single() const noexcept { return !more_ && !empty(); }
  /// Where there is more than one, the first of them; where there is none, one that no time lies in.
  [[nodiscard]] Session<Acc>& first() noexcept { return first_; }
  [[nodiscard]] std::size_t size() const noexcept { return more_ ? 1 + more_->size() : (empty() ? 0 : 1); }
  [[nodiscard]] Session<Acc>& operator[](std::size_t i) noexcept { return i == 0 ? first_ : (*more_)[i - 1]; }
  [[nodiscard]] const Session<Acc>& operator[](std::size_t i) const noexcept {
    return const_cast<SessionList&>(*this)[i];
  }

  Session<Acc>& push(Session<Acc> session) {
    if (empty()) return first_ = std::move(session);
    if (!more_) more_ = std::make_unique<std::vector<Session<Acc>>>();
    return more_->emplace_back(std::move(session));
  }
  void remove(std::size_t i) {
    if (!more_) {
      clear_first();
      return;
    }
    Session<Acc>& last = more_->back();
    if (&(*this)[i] != &last) (*this)[i] = std::move(last);
    more_->pop_back();
    if (more_->empty()) more_.reset();
  }
  /// As millstream::heap_bytes() has it.
  [[nodiscard]] std::size_t heap_bytes() const {
    std::size_t bytes = more_ ? sizeof *more_ + more_->capacity() * sizeof(Session<Acc>) : 0;
    if constexpr (kOwnsHeap<Acc>) {
      bytes += millstream::heap_bytes(first_.acc);
      for (std::size_t i = 1; i < size(); ++i) bytes += millstream::heap_bytes((*this)[i].acc);
    }
    return bytes;
  }

 private:
  void clear_first() {
    first_.start = kTimestampMax;
    first_.end = kTimestampMin;
    first_.acc = Acc{};  // may hold memory
  }

  Session<Acc> first_;
  std::unique_ptr<std::vector<Session<Acc>>> more_;  // not empty
};

/// The sessions at these places of a list become one, whose place is returned; of `places`, at least one, only that is
/// left.
template <class Acc, class Agg>
Session<Acc>& join_sessions(SessionList<Acc>& sessions, std::vector<std::uint32_t>& places, const Agg& agg) {
  if (places.size() > 1) {
    std::sort(places.begin(), places.end(),
              [&](std::uint32_t a, std::uint32_t b) { return sessions[a].start < sessions[b].start; });
    Session<Acc> whole = std::move(sessions[places.front()]);
    for (std::size_t i = 1; i < places.size(); ++i) {
      const Session<Acc>& part = sessions[places[i]];
      agg.merge(whole.acc, part.acc);
      whole.fired = std::max(whole.fired, part.fired);
      whole.fresh = std::min(whole.fresh + std::uint32_t{part.fresh}, whole.kFreshMax) & whole.kFreshMax;
    }
    std::sort(places.begin(), places.end());
    while (places.size() > 1) {
      sessions.remove(places.back());
      places.pop_back();
    }
    sessions[places.front()] = std::move(whole);
  }
  return sessions[places.front()];
}

/// As a list of sessions.
template <class Acc>
struct Codec<SessionList<Acc>> {
  using Layout = std::vector<Session<Acc>>;
  static void encode(const SessionList<Acc>& value, ByteWriter& out) {
    out.write_varint(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) Codec<Session<Acc>>::encode(value[i], out);
  }
  [[nodiscard]] static bool decode(ByteReader& in, SessionList<Acc>& value) {
    std::size_t count = 0;
    if (!in.read_count(count)) return false;
    value = {};
    for (std::size_t i = 0; i < count; ++i) {
      Session<Acc> session;
      if (!Codec<Session<Acc>>::decode(in, session)) return false;
      value.push(std::move(session));
    }
    return true;
  }
};

}  // namespace millstream::inline v0
