#include "nexmark/queries/bids.hpp"

namespace nexmark {

namespace ms = millstream;

ms::Stream<Bid> bids(const ms::Stream<Event>& events) {
  return events.filter([](const Event& event) { return std::holds_alternative<Bid>(event); }).map([](Event event) {
    return std::get<Bid>(std::move(event));
  });
}

ms::Stream<Bid> timed_bids(const ms::Stream<Event>& events) {
  return bids(events).event_time(&Bid::date_time, ms::bounded_disorder(std::chrono::seconds{4}));
}

}  // namespace nexmark
