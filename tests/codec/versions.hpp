// One type in two versions, which differ at every depth in what a restore converts by itself, and random values of
// both, for the tests of schema resolution.
#pragma once

#include "millstream/codec/schema_json.hpp"
#include "millstream/codec/schema_resolution.hpp"
#include "sample_types.hpp"

namespace ms = millstream;

namespace before {

enum class Kind : std::uint8_t { cash = 1, card = 2 };
BOOST_DESCRIBE_ENUM(Kind, cash, card)

struct Item {
  std::string name;
  std::int32_t weight = 0;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(Item, (), (name, weight, cents))

struct Node {
  std::int32_t value = 0;
  std::vector<Node> children;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Node, (), (value, children, note))

struct Lone {
  std::uint16_t gone = 0;
};
BOOST_DESCRIBE_STRUCT(Lone, (), (gone))

struct Order {
  std::int64_t id = 0;
  Kind kind = Kind::cash;
  Item first;
  std::vector<Item> items;
  std::map<std::string, std::optional<Item>> by_name;
  std::variant<std::monostate, Item, std::string> choice;
  std::array<Lone, 2> pair;
  std::tuple<Lone, bool> tuple;
  Node tree;
  std::set<std::string> tags;
  std::vector<std::map<std::string, std::vector<Lone>>> dropped;
  ms::Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, kind, first, items, by_name, choice, pair, tuple, tree, tags, dropped, at))

}  // namespace before

namespace now {

enum class Kind : std::uint8_t { cash = 1, card = 2, coupon = 3 };
BOOST_DESCRIBE_ENUM(Kind, cash, card, coupon)

struct Item {
  std::int64_t cents = 0;  // stood behind the name
  std::string name;
  std::string country = "unknown";
  std::vector<std::string> labels = {"new", "old"};
  friend bool operator==(const Item&, const Item&) = default;
};
BOOST_DESCRIBE_STRUCT(Item, (), (cents, name, country, labels))

struct Node {
  bool seen = true;
  std::int32_t value = 0;
  std::vector<Node> children;
  friend bool operator==(const Node&, const Node&) = default;
};
BOOST_DESCRIBE_STRUCT(Node, (), (seen, value, children))

struct Lone {
  friend bool operator==(const Lone&, const Lone&) = default;
};
BOOST_DESCRIBE_STRUCT(Lone, (), ())

struct Order {
  ms::Timestamp at{};
  std::int64_t id = 0;
  Kind kind = Kind::coupon;
  Item first;
  std::vector<Item> items;
  std::map<std::string, std::optional<Item>> by_name;
  std::variant<std::monostate, Item, std::string> choice;
  Item gift{7, "gift", "de", {}};
  std::array<Lone, 2> pair;
  std::tuple<Lone, bool> tuple;
  Node tree;
  Node added_tree{false, 3, {{}, {true, 4, {}}}};
  std::set<std::string> tags;
  friend bool operator==(const Order&, const Order&) = default;
};
BOOST_DESCRIBE_STRUCT(Order, (),
                      (at, id, kind, first, items, by_name, choice, gift, pair, tuple, tree, added_tree, tags))

}  // namespace now

namespace versions {

class Random : public sample::Random {
 public:
  using sample::Random::Random;
  before::Item item() { return {text(), number<std::int32_t>(), number<std::int64_t>()}; }
  before::Node node(int depth) {
    before::Node node{number<std::int32_t>(), {}, std::nullopt};
    if (below(2) == 0) node.note = text();
    for (std::uint64_t i = depth == 0 ? 0 : below(3); i > 0; --i) node.children.push_back(this->node(depth - 1));
    return node;
  }
  before::Order order() {
    before::Order order;
    order.id = number<std::int64_t>();
    order.kind = below(2) == 0 ? before::Kind::cash : before::Kind::card;
    order.first = item();
    for (std::uint64_t i = below(4); i > 0; --i) order.items.push_back(item());
    for (std::uint64_t i = below(4); i > 0; --i) {
      order.by_name[text()] = below(2) == 0 ? std::nullopt : std::optional{item()};
    }
    if (below(3) != 0) order.choice = item();
    if (below(3) == 0) order.choice = text();
    order.tuple = {{number<std::uint16_t>()}, true};
    order.tree = node(3);
    order.tags.insert(text());
    order.dropped = {{{text(), {{1}, {2}}}}, {}};
    order.at = ms::Timestamp{ms::Duration{number<std::int32_t>()}};
    return order;
  }
};

/// What a person would make of a value of before.
inline now::Item expected(const before::Item& item) { return {item.cents, item.name, "unknown", {"new", "old"}}; }
inline now::Node expected(const before::Node& node) {
  now::Node result{true, node.value, {}};
  for (const before::Node& child : node.children) result.children.push_back(expected(child));
  return result;
}
inline now::Order expected(const before::Order& order) {
  now::Order result;
  result.at = order.at;
  result.id = order.id;
  result.kind = static_cast<now::Kind>(order.kind);
  result.first = expected(order.first);
  for (const before::Item& item : order.items) result.items.push_back(expected(item));
  for (const auto& [name, item] : order.by_name) {
    result.by_name[name] = item ? std::optional{expected(*item)} : std::nullopt;
  }
  if (order.choice.index() == 1) result.choice = expected(std::get<1>(order.choice));
  if (order.choice.index() == 2) result.choice = std::get<2>(order.choice);
  std::get<1>(result.tuple) = std::get<1>(order.tuple);
  result.tree = expected(order.tree);
  result.tags = order.tags;
  return result;
}

/// As a restart has it: by the text of the schema that a type once had.
template <class Before, class Now>
ms::Result<ms::StateConversion> resolve() {
  const ms::Result<ms::Schema> written = ms::parse_schema(ms::schema_of<Before>().to_string());
  if (!written) return written.error();
  return ms::resolve_schema(*written, ms::schema_of<Now>());
}

}  // namespace versions
