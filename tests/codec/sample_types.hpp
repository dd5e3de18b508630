// Described types of every kind that codecs know, and random values of them, for the tests of this folder.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/core/timestamp.hpp"

namespace sample {

namespace ms = millstream;

enum class Color : std::uint8_t { red = 1, green = 2, blue = 200 };
BOOST_DESCRIBE_ENUM(Color, red, green, blue)
enum class Level : std::int16_t { low = -1, high = 300 };

struct Base {
  std::int32_t id = 0;
  friend bool operator==(const Base&, const Base&) = default;
};
BOOST_DESCRIBE_STRUCT(Base, (), (id))

/// A flat struct: it has a form in JSON and in CSV.
struct Flat : Base {
  std::string name;
  double ratio = 0;
  float small = 0;
  bool good = false;
  char letter = 'a';
  std::uint64_t big = 0;
  std::int8_t tiny = 0;
  Color color = Color::red;
  Level level = Level::low;
  ms::Timestamp at{};
  std::chrono::sys_time<std::chrono::nanoseconds> exact{};
  std::chrono::sys_seconds coarse{};
  std::chrono::milliseconds took{};
  std::optional<std::int32_t> maybe;
  std::optional<std::string> note;
  friend bool operator==(const Flat&, const Flat&) = default;
};
BOOST_DESCRIBE_STRUCT(Flat, (Base),
                      (name, ratio, small, good, letter, big, tiny, color, level, at, exact, coarse, took, maybe, note))

struct Empty {
  friend bool operator==(const Empty&, const Empty&) = default;
};
BOOST_DESCRIBE_STRUCT(Empty, (), ())

/// Everything that JSON has a form for.
struct Nested {
  Flat flat;
  std::vector<Flat> flats;
  std::optional<Base> base;
  std::vector<std::int64_t> numbers;
  std::vector<bool> flags;
  std::deque<std::string> words;
  std::list<std::optional<std::uint16_t>> gaps;
  std::set<std::string> tags;
  std::map<std::string, std::vector<std::int32_t>> by_name;
  std::unordered_map<std::string, double> weights;
  std::array<std::int16_t, 3> triple{};
  std::pair<std::string, std::int32_t> pair;
  std::tuple<bool, std::string> tuple;
  Empty empty;
  friend bool operator==(const Nested&, const Nested&) = default;
};
BOOST_DESCRIBE_STRUCT(Nested, (),
                      (flat, flats, base, numbers, flags, words, gaps, tags, by_name, weights, triple, pair, tuple,
                       empty))

/// A type that contains itself, and what only the binary form has.
struct Tree {
  std::int32_t value = 0;
  std::vector<Tree> children;
  friend bool operator==(const Tree&, const Tree&) = default;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (value, children))

struct Binary {
  Nested nested;
  Tree tree;
  std::variant<std::monostate, std::int64_t, std::string, Tree> either;
  std::map<std::int32_t, Color> colors;
  std::multimap<std::string, std::uint8_t> many;
  std::array<Empty, 0> none{};
  std::vector<std::array<float, 2>> points;
  friend bool operator==(const Binary&, const Binary&) = default;
};
BOOST_DESCRIBE_STRUCT(Binary, (), (nested, tree, either, colors, many, none, points))

/// Random values: small ones often, extreme ones sometimes.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_{seed} {}

  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }

  template <class N>
  N number() {
    if constexpr (std::is_floating_point_v<N>) {
      const double sign = below(2) == 0 ? 1 : -1;
      switch (below(4)) {
        case 0:
          return static_cast<N>(sign * static_cast<double>(below(1000)));
        case 1:
          return static_cast<N>(sign) * std::numeric_limits<N>::max();
        case 2:
          return static_cast<N>(sign) * std::numeric_limits<N>::denorm_min();
        default:
          return static_cast<N>(sign * static_cast<double>(engine_()) / 1e7);
      }
    } else {
      switch (below(5)) {
        case 0:
          return std::numeric_limits<N>::min();
        case 1:
          return std::numeric_limits<N>::max();
        case 2:
          return static_cast<N>(engine_());
        default:
          return static_cast<N>(below(100));
      }
    }
  }

  std::string text() {
    static const std::vector<std::string> kPieces = {"a",    "Zürich", "\"", "\"\"", ",",  "\n",   "\r\n", "\\",
                                                     "\t",   " ",      "€",  "😀",   "{}", "null", "\x01", "x\ry",
                                                     "0123", "\\n",    "'",  "[",    ":",  "\x7F", "",     "\u00e9"};
    std::string out;
    for (std::uint64_t n = below(6); n > 0; --n) out += kPieces[below(kPieces.size())];
    return out;
  }

  Flat flat() {
    Flat f;
    f.id = number<std::int32_t>();
    f.name = text();
    f.ratio = number<double>();
    f.small = number<float>();
    f.good = below(2) == 0;
    f.letter = "az,\"09 "[below(7)];
    f.big = number<std::uint64_t>();
    f.tiny = number<std::int8_t>();
    f.color = below(2) == 0 ? Color::green : Color::blue;
    f.level = below(2) == 0 ? Level::low : Level::high;
    f.at = ms::Timestamp{std::chrono::microseconds{number<std::int64_t>()}};
    f.exact = std::chrono::sys_time<std::chrono::nanoseconds>{std::chrono::nanoseconds{number<std::int64_t>()}};
    f.coarse = std::chrono::sys_seconds{std::chrono::seconds{static_cast<std::int32_t>(engine_())}};
    f.took = std::chrono::milliseconds{number<std::int64_t>()};
    if (below(2) == 0) f.maybe = number<std::int32_t>();
    if (below(2) == 0) f.note = text();
    return f;
  }

  Nested nested() {
    Nested n;
    n.flat = flat();
    for (std::uint64_t i = below(3); i > 0; --i) n.flats.push_back(flat());
    if (below(2) == 0) n.base = Base{number<std::int32_t>()};
    for (std::uint64_t i = below(5); i > 0; --i) n.numbers.push_back(number<std::int64_t>());
    for (std::uint64_t i = below(5); i > 0; --i) n.flags.push_back(below(2) == 0);
    for (std::uint64_t i = below(3); i > 0; --i) n.words.push_back(text());
    for (std::uint64_t i = below(3); i > 0; --i) n.gaps.push_back(below(2) == 0 ? std::optional<std::uint16_t>{} : 7);
    for (std::uint64_t i = below(3); i > 0; --i) n.tags.insert(text());
    for (std::uint64_t i = below(3); i > 0; --i) n.by_name[text()].push_back(number<std::int32_t>());
    for (std::uint64_t i = below(3); i > 0; --i) n.weights[text()] = number<double>();
    n.triple = {number<std::int16_t>(), 0, 1};
    n.pair = {text(), number<std::int32_t>()};
    n.tuple = {below(2) == 0, text()};
    return n;
  }

  Tree tree(int depth) {
    Tree t{number<std::int32_t>(), {}};
    for (std::uint64_t i = depth == 0 ? 0 : below(4); i > 0; --i) t.children.push_back(tree(depth - 1));
    return t;
  }

  Binary binary() {
    Binary b;
    b.nested = nested();
    b.tree = tree(4);
    switch (below(4)) {
      case 0:
        b.either = number<std::int64_t>();
        break;
      case 1:
        b.either = text();
        break;
      case 2:
        b.either = tree(2);
        break;
      default:
        break;
    }
    for (std::uint64_t i = below(3); i > 0; --i) b.colors[number<std::int32_t>()] = Color::blue;
    for (std::uint64_t i = below(3); i > 0; --i) b.many.emplace("k", number<std::uint8_t>());
    for (std::uint64_t i = below(3); i > 0; --i) b.points.push_back({number<float>(), number<float>()});
    return b;
  }

  /// Changes, removes or repeats a few bytes.
  void damage(std::string& bytes) {
    for (std::uint64_t n = 1 + below(4); n > 0 && !bytes.empty(); --n) {
      const std::size_t at = below(bytes.size());
      switch (below(4)) {
        case 0:
          bytes[at] = static_cast<char>(engine_());
          break;
        case 1:
          bytes.resize(at);
          break;
        case 2:
          bytes.insert(at, bytes.substr(below(bytes.size()), below(8)));
          break;
        default:
          bytes.erase(at, below(8));
          break;
      }
    }
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace sample
