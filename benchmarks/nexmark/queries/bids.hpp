// What most queries begin with: the bids among the events, as Nexmark's view `bid`.
#pragma once

#include "millstream/stream/stream.hpp"
#include "nexmark/event.hpp"

namespace nexmark {

[[nodiscard]] millstream::Stream<Bid> bids(const millstream::Stream<Event>& events);
/// With event times and the watermarks of Nexmark's table: four seconds behind.
[[nodiscard]] millstream::Stream<Bid> timed_bids(const millstream::Stream<Event>& events);

}  // namespace nexmark
