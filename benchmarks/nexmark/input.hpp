// Input: the events of a run, made one by one or kept in memory, as records or as bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "nexmark/encoded.hpp"
#include "nexmark/event.hpp"
#include "nexmark/generator.hpp"

namespace nexmark {

struct Input {
  std::shared_ptr<const Generator> generator;
  std::uint64_t events = 0;
  /// All of them, in memory; null = each is made when it is needed.
  std::shared_ptr<const std::vector<Event>> made = nullptr;
  /// All of them, as encode_event() writes them; empty = not. `events` then counts for nothing.
  std::span<const char> encoded = {};

  /// f(const Bid&) for each bid, in their order.
  template <class F>
  void for_each_bid(F&& f) const {
    if (!encoded.empty()) {
      Bid bid;
      for (EventReader reader{encoded}; reader.next_bid(bid);) f(std::as_const(bid));
      return;
    }
    for (std::uint64_t n = 0; n < events; ++n) {
      if (made) {
        if (const Bid* bid = std::get_if<Bid>(&(*made)[n])) f(*bid);
      } else {
        const Event event = generator->event(n);
        if (const Bid* bid = std::get_if<Bid>(&event)) f(*bid);
      }
    }
  }
};

}  // namespace nexmark
