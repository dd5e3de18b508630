// q0, pass through: the cost of the engine and of moving a bid.
#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

template <class AnyEvent>
void declare(const ms::Stream<AnyEvent>& events, const Outlet& out) {
  out.take(bids(events));
}

Digest model(const Input& input) {
  Digest digest;
  input.for_each_bid([&](const auto& bid) { digest.fold(bid); });
  return digest;
}

}  // namespace

Query q0() {
  return {.name = "q0",
          .what = "bids, passed through",
          .declare = declare<Event>,
          .model = model,
          .declare_views = declare<EventView>,
          .hand = model};
}

}  // namespace nexmark
