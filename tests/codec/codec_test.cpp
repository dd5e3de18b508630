// The binary codec: its frozen bytes, round trips of random values of every kind, and bytes that nobody wrote.
#include "millstream/codec/codec.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <stdexcept>

#include "sample_types.hpp"

namespace ms = millstream;

namespace {

/// A type without description that brings its own codec.
struct Celsius {
  double degrees = 0;
};

struct Plain {
  int x;
};
struct HasPlain {
  std::vector<Plain> plains;
};
BOOST_DESCRIBE_STRUCT(HasPlain, (), (plains))

}  // namespace

template <>
struct millstream::Codec<Celsius> {
  static constexpr std::string_view kName = "celsius";
  static void encode(const Celsius& value, ByteWriter& out) { out.write_fixed(value.degrees); }
  static bool decode(ByteReader& in, Celsius& value) { return in.read_fixed(value.degrees); }
};

namespace {

static_assert(ms::HasCodec<sample::Binary> && ms::HasCodec<sample::Tree> && ms::HasCodec<std::vector<Celsius>>);
static_assert(ms::HasCodec<std::chrono::milliseconds> && ms::HasCodec<ms::Timestamp>);
static_assert(!ms::HasCodec<Plain> && !ms::HasCodec<HasPlain> && !ms::HasCodec<std::map<int, Plain>>);
static_assert(!ms::HasCodec<int*> && !ms::HasCodec<std::unique_ptr<int>> && !ms::HasCodec<long double>);
static_assert(!ms::HasCodec<std::string_view> && !ms::HasCodec<std::chrono::steady_clock::time_point>);

template <class T>
std::string bytes_of(const T& value) {
  std::string bytes;
  ms::encode_value(value, bytes);
  return bytes;
}

template <class T>
void expect_bytes(const T& value, const std::string& expected) {
  EXPECT_EQ(bytes_of(value), expected);
  T back{};
  ASSERT_TRUE(ms::decode_value(expected, back));
  EXPECT_EQ(back, value);
}

using namespace std::string_literals;

// State files hold these bytes: a failure here is a break of the format, not a test to be adjusted.
TEST(CodecBytes, AreFrozen) {
  expect_bytes(true, "\x01"s);
  expect_bytes(std::int32_t{-2}, "\xFE\xFF\xFF\xFF"s);
  expect_bytes(std::uint16_t{0x1234}, "\x34\x12"s);
  expect_bytes(1.5, "\0\0\0\0\0\0\xF8\x3F"s);
  expect_bytes(-0.0F, "\0\0\0\x80"s);
  expect_bytes("hi"s, "\x02hi"s);
  expect_bytes(""s, "\0"s);
  expect_bytes(std::string(300, 'x'), "\xAC\x02"s + std::string(300, 'x'));
  expect_bytes(sample::Color::blue, "\xC8"s);
  expect_bytes(sample::Level::high, "\x2C\x01"s);
  expect_bytes(ms::Timestamp{std::chrono::microseconds{258}}, "\x02\x01\0\0\0\0\0\0"s);
  expect_bytes(std::chrono::milliseconds{-1}, std::string(8, '\xFF'));
  expect_bytes(std::optional<std::int8_t>{}, "\0"s);
  expect_bytes(std::optional<std::int8_t>{5}, "\x01\x05"s);
  expect_bytes(std::vector<std::int16_t>{1, -1}, "\x02\x01\0\xFF\xFF"s);
  expect_bytes(std::vector<bool>{true, false}, "\x02\x01\0"s);
  expect_bytes(std::vector<std::string>{"a", ""}, "\x02\x01"s + "a\0"s);
  expect_bytes(std::set<std::uint8_t>{9, 3}, "\x02\x03\x09"s);
  expect_bytes(std::map<std::string, bool>{{"k", true}}, "\x01\x01k\x01"s);
  expect_bytes(std::array<std::uint8_t, 2>{1, 2}, "\x01\x02"s);
  expect_bytes(std::pair<std::uint8_t, std::string>{7, "x"}, "\x07\x01x"s);
  expect_bytes(std::variant<std::monostate, std::uint8_t>{}, "\0\0"s);
  expect_bytes(std::variant<std::monostate, std::uint8_t>{std::uint8_t{4}}, "\x01\x04"s);
  expect_bytes(sample::Empty{}, "\0"s);
  expect_bytes(sample::Tree{1, {{2, {}}}}, "\x01\0\0\0\x01\x02\0\0\0\0"s);
  sample::Flat flat;
  flat.id = 1;
  flat.name = "n";
  flat.note = "q";
  expect_bytes(flat, "\x01\0\0\0"s + "\x01n"s + std::string(8, '\0') + std::string(4, '\0') + "\0"s + "a"s +
                         std::string(8, '\0') + "\0"s + "\x01"s + "\xFF\xFF"s + std::string(8 * 4, '\0') + "\0"s +
                         "\x01\x01q"s);
}

TEST(CodecBytes, NotANumberKeepsItsBits) {
  double back = 0;
  ASSERT_TRUE(ms::decode_value(bytes_of(std::nan("7")), back));
  EXPECT_EQ(bytes_of(back), bytes_of(std::nan("7")));
}

TEST(Codec, RandomValuesRoundTrip) {
  sample::Random random{1};
  std::string all;
  std::vector<sample::Binary> values;
  ms::ByteWriter writer{all};
  for (int i = 0; i < 2'000; ++i) {
    values.push_back(random.binary());
    ms::Codec<sample::Binary>::encode(values.back(), writer);
    if (i % 7 == 0) writer.flush();
  }
  writer.flush();
  EXPECT_EQ(writer.written(), all.size());
  ms::ByteReader reader{all};
  sample::Binary back;
  for (const sample::Binary& value : values) {
    ASSERT_TRUE(ms::Codec<sample::Binary>::decode(reader, back));
    ASSERT_EQ(back, value);
  }
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(Codec, WritesIntoByteVectorsBehindWhatIsThere) {
  std::vector<std::byte> bytes{std::byte{9}};
  {
    ms::ByteWriter writer{bytes};
    ms::Codec<std::string>::encode("hello", writer);
  }
  ASSERT_EQ(bytes.size(), 7U);
  std::string back;
  ms::ByteReader reader{bytes.data() + 1, bytes.size() - 1};
  ASSERT_TRUE(ms::Codec<std::string>::decode(reader, back));
  EXPECT_EQ(back, "hello");
}

TEST(Codec, EveryPrefixIsRefused) {
  sample::Random random{2};
  for (int i = 0; i < 20; ++i) {
    const std::string bytes = bytes_of(random.binary());
    sample::Binary back;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(ms::decode_value(std::string_view{bytes}.substr(0, size), back));
    }
    ASSERT_FALSE(ms::decode_value(bytes + '\0', back));
  }
}

TEST(Codec, DamagedBytesAreReadOrRefused) {
  sample::Random random{3};
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = bytes_of(random.nested());
    random.damage(bytes);
    sample::Nested back;
    if (!ms::decode_value(bytes, back)) continue;
    // What was read is a value, whose own bytes read back the same (unordered maps may order theirs otherwise).
    sample::Nested again;
    ASSERT_TRUE(ms::decode_value(bytes_of(back), again));
    ASSERT_EQ(bytes_of(again).size(), bytes_of(back).size());
  }
}

TEST(Codec, RefusesWhatNoEncoderWrites) {
  bool flag = false;
  EXPECT_FALSE(ms::decode_value("\x02"s, flag));
  std::string text;
  EXPECT_FALSE(ms::decode_value("\x81\0x"s, text)) << "a longer form of length 1";
  EXPECT_FALSE(ms::decode_value("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"s, text)) << "more than 64 bits";
  std::set<std::uint8_t> set;
  EXPECT_FALSE(ms::decode_value("\x02\x03\x03"s, set)) << "a key twice";
  std::variant<bool, char> either;
  EXPECT_FALSE(ms::decode_value("\x02\0"s, either)) << "no such alternative";
  std::vector<std::int64_t> numbers;
  EXPECT_FALSE(ms::decode_value("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"s, numbers)) << "a count that cannot be";
  EXPECT_LT(numbers.capacity(), 100U);
  std::vector<sample::Empty> empties;
  EXPECT_FALSE(ms::decode_value("\xFF\xFF\xFF\xFF\x0F"s, empties)) << "elements have bytes, also empty ones";
}

TEST(Codec, NestingHasALimitOnBothSides) {
  sample::Tree tree;
  for (int i = 1; i < ms::kNestingMax; ++i) tree = sample::Tree{i, {tree}};
  const std::string deepest = bytes_of(tree);
  sample::Tree back;
  ASSERT_TRUE(ms::decode_value(deepest, back));
  EXPECT_EQ(back, tree);
  const sample::Tree deeper{0, {tree}};
  std::string bytes;
  EXPECT_THROW(ms::encode_value(deeper, bytes), std::length_error);
  EXPECT_FALSE(ms::decode_value("\0\0\0\0\x01"s + deepest, back));
}

TEST(Codec, UsersOwnIsUsedInside) {
  const std::map<std::string, std::vector<Celsius>> value{{"x", {{21.5}}}};
  std::map<std::string, std::vector<Celsius>> back;
  ASSERT_TRUE(ms::decode_value(bytes_of(value), back));
  EXPECT_EQ(back.at("x").at(0).degrees, 21.5);
}

}  // namespace
