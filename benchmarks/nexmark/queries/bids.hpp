// What most queries begin with: the bids among the events, as Nexmark's view `bid`. Of events that are views the bids
// are views, too.
#pragma once

#include <chrono>
#include <utility>
#include <variant>

#include "millstream/stream/stream.hpp"
#include "nexmark/event.hpp"

namespace nexmark {

/// Bid or BidView, as its events are.
template <class AnyEvent>
using BidOf = std::variant_alternative_t<2, AnyEvent>;

template <class AnyEvent>
[[nodiscard]] millstream::Stream<BidOf<AnyEvent>> bids(const millstream::Stream<AnyEvent>& events) {
  using AnyBid = BidOf<AnyEvent>;
  return events.template flat_map<AnyBid>([](auto&& event, millstream::Collector<AnyBid>& out) {
    if (auto* bid = std::get_if<AnyBid>(&event)) out.emit(std::move(*bid));
  });
}

/// With event times and the watermarks of Nexmark's table: four seconds behind.
template <class AnyEvent>
[[nodiscard]] millstream::Stream<BidOf<AnyEvent>> timed_bids(const millstream::Stream<AnyEvent>& events) {
  return bids(events).event_time(&BidOf<AnyEvent>::date_time, millstream::bounded_disorder(std::chrono::seconds{4}));
}

/// With text of their own, for what keeps them as state.
[[nodiscard]] inline millstream::Stream<Bid> owned_bids(const millstream::Stream<Event>& events) {
  return bids(events);
}
[[nodiscard]] inline millstream::Stream<Bid> owned_bids(const millstream::Stream<EventView>& events) {
  return events.flat_map<Bid>([](const EventView& event, millstream::Collector<Bid>& out) {
    if (const auto* bid = std::get_if<BidView>(&event)) out.emit(owned(*bid));
  });
}

}  // namespace nexmark
