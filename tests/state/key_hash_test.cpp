// The hash of a key is that of its codec's bytes, however it is come by; it is part of the state format.
#include "millstream/state/key_hash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/describe/class.hpp>
#include <chrono>
#include <random>
#include <string>
#include <tuple>
#include <utility>

#include "millstream/core/timestamp.hpp"

namespace millstream {
namespace {

enum class Color : std::uint8_t { kRed, kGreen };
/// Written in another way than other enums.
enum class Spelled : std::uint8_t { kOne = 1, kTwo };

struct Seat {
  std::int32_t row = 0;
  std::int64_t number = 0;
  BOOST_DESCRIBE_CLASS(Seat, (), (row, number), (), ())
};

struct Row {
  Seat first = {};
  Color color = Color::kRed;
  BOOST_DESCRIBE_CLASS(Row, (), (first, color), (), ())
};

struct Labelled {
  Seat seat = {};
  std::string label = {};
  BOOST_DESCRIBE_CLASS(Labelled, (), (seat, label), (), ())
};

struct Nothing {
  BOOST_DESCRIBE_CLASS(Nothing, (), (), (), ())
};

}  // namespace

template <>
struct Codec<Spelled> {
  static void encode(const Spelled& value, ByteWriter& out) {
    out.write_bytes(value == Spelled::kOne ? std::string_view{"one"} : "two");
  }
  static bool decode(ByteReader& in, Spelled& value) {
    std::string_view bytes;
    if (!in.read_view(3, bytes)) return false;
    value = bytes == "one" ? Spelled::kOne : Spelled::kTwo;
    return true;
  }
};

namespace {

template <class K>
void expect_that_of_the_codec(const K& key) {
  std::string bytes;
  encode_value(key, bytes);
  EXPECT_EQ(hash_key(key), hash_bytes(bytes.data(), bytes.size()));
}

TEST(KeyHash, OfWhatIsNoIntegerIsThatOfItsCodecsBytes) {
  std::mt19937_64 random{1};
  for (int round = 0; round < 100; ++round) {
    const auto number = static_cast<std::int64_t>(random());
    const auto small = static_cast<std::int16_t>(random());
    const auto color = static_cast<Color>(random() % 2);
    const Timestamp at{Duration{number}};
    const std::chrono::sys_days day{std::chrono::days{small}};
    expect_that_of_the_codec(std::pair{number, small});
    expect_that_of_the_codec(std::tuple{number, number % 2 == 0, color, at, day, std::chrono::seconds{small}});
    expect_that_of_the_codec(std::tuple{std::pair{small, color}, number});
    expect_that_of_the_codec(std::tuple{small});
    expect_that_of_the_codec(std::pair{std::to_string(number), day});
    expect_that_of_the_codec(std::pair{number, 0.5 * static_cast<double>(number)});
    expect_that_of_the_codec(std::pair{static_cast<Spelled>(1 + random() % 2), number});
    expect_that_of_the_codec(std::array{small, small});
    expect_that_of_the_codec(Seat{small, number});
    expect_that_of_the_codec(Row{{small, number}, color});
    expect_that_of_the_codec(Labelled{{small, number}, std::to_string(small)});
    expect_that_of_the_codec(std::pair{Nothing{}, small});
    expect_that_of_the_codec(Nothing{});
  }
}

TEST(KeyHash, OfAnIntegerIsTheSameInAnyWidth) {
  for (const int number : {-128, -1, 0, 1, 127}) {
    const auto key = static_cast<std::int8_t>(number);
    EXPECT_EQ(hash_key(key), hash_key(std::int64_t{key}));
    EXPECT_EQ(hash_key(key), hash_key(std::chrono::hours{key}));
  }
}

}  // namespace
}  // namespace millstream
