// Input: the events of a run, made one by one or kept in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "nexmark/event.hpp"
#include "nexmark/generator.hpp"

namespace nexmark {

struct Input {
  std::shared_ptr<const Generator> generator;
  std::uint64_t events = 0;
  /// All of them, in memory; null = each is made when it is needed.
  std::shared_ptr<const std::vector<Event>> made = nullptr;

  /// f(const Bid&) for each bid, in their order.
  template <class F>
  void for_each_bid(F&& f) const {
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
