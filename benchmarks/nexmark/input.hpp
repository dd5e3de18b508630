// Input: the events of a run, made one by one or kept in memory as bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "nexmark/encoded.hpp"
#include "nexmark/event.hpp"
#include "nexmark/generator.hpp"

namespace nexmark {

struct Input {
  std::shared_ptr<const Generator> generator;
  std::uint64_t events = 0;
  /// All of them, as encode_event() writes them; empty = each is made when it is needed. `events` then counts for
  /// nothing.
  std::span<const char> encoded = {};

  /// f(const Bid&) for each bid, in their order; of encoded ones f(const BidView&), where f takes that.
  template <class F>
  void for_each_bid(F&& f) const {
    if (!encoded.empty()) {
      BidView bid;
      for (EventReader reader{encoded}; reader.next_bid(bid);) {
        if constexpr (std::is_invocable_v<F&, const BidView&>) {
          f(std::as_const(bid));
        } else {
          f(owned(bid));
        }
      }
      return;
    }
    for (std::uint64_t n = 0; n < events; ++n) {
      const Event event = generator->event(n);
      if (const Bid* bid = std::get_if<Bid>(&event)) f(*bid);
    }
  }
};

}  // namespace nexmark
