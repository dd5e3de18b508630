// Special members of nodes and exchanges.
#include "millstream/graph/node.hpp"

namespace millstream::inline v0 {

ExchangeSides::ExchangeSides() = default;
ExchangeSides::ExchangeSides(ExchangeSides&&) noexcept = default;
ExchangeSides::~ExchangeSides() = default;

Node::Node() = default;
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node::~Node() = default;

}  // namespace millstream::inline v0
