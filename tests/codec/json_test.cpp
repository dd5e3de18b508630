// JSON: round trips of random values, and every kind of bad record with the field and column that it must name.
#include <gtest/gtest.h>

#include <cmath>

#include "millstream/codec/decode.hpp"
#include "millstream/codec/encode.hpp"
#include "sample_types.hpp"

namespace ms = millstream;

namespace {

struct Leg {
  std::string to;
  std::int32_t miles = 0;
  friend bool operator==(const Leg&, const Leg&) = default;
};
BOOST_DESCRIBE_STRUCT(Leg, (), (to, miles))

struct Trip {
  std::int8_t n = 0;
  std::string name;
  bool paid = false;
  double cost = 0;
  float ratio = 0;
  std::uint32_t count = 0;
  ms::Timestamp at{};
  sample::Color color = sample::Color::red;
  std::optional<std::int32_t> seats;
  std::optional<std::vector<Leg>> legs;
  std::optional<std::map<std::string, std::int32_t>> extra;
  std::optional<std::array<std::int32_t, 2>> pair;
};
BOOST_DESCRIBE_STRUCT(Trip, (), (n, name, paid, cost, ratio, count, at, color, seats, legs, extra, pair))

constexpr std::string_view kGood =
    R"({"n":1,"name":"x","paid":true,"cost":2,"ratio":0.1,"count":3,"at":"2001-03-04T00:01:00Z","color":"blue"})";

/// kGood with `from` replaced by `to`.
std::string with(std::string_view from, std::string_view to) {
  std::string text{kGood};
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

template <class T>
std::string json(const T& value) {
  std::string text;
  ms::encode_json(value, text);
  return text;
}

template <class T>
void expect_error(const std::string& record, std::string_view field, std::size_t column, std::string_view reason) {
  ms::JsonDecoder<T> decoder;
  T out{};
  ms::DecodeError error{"stale", 99, "stale"};
  ASSERT_FALSE(decoder.decode(record, out, error)) << record;
  EXPECT_EQ(error.field, field) << record << "\n" << ms::to_string(error);
  EXPECT_EQ(error.column, column) << record << "\n" << ms::to_string(error);
  EXPECT_NE(error.reason.find(reason), std::string::npos) << record << "\n" << ms::to_string(error);
}

template <class T>
void expect_value(const std::string& record, const T& expected) {
  ms::JsonDecoder<T> decoder;
  T out{};
  ms::DecodeError error;
  ASSERT_TRUE(decoder.decode(record, out, error)) << record << "\n" << ms::to_string(error);
  EXPECT_EQ(out, expected) << record;
}

TEST(Json, ReadsFieldsByNameInAnyOrder) {
  ms::JsonDecoder<Trip> decoder;
  Trip trip;
  trip.seats = 7;
  ms::DecodeError error;
  const std::string record =
      "\xEF\xBB\xBF \t{ \"color\" : \"green\", \"at\": \"2001-03-04T00:01:00.5Z\", \"legs\": [ {\"miles\":-5, \"to\": "
      "\"\\u00fc\\ud83d\\ude00\\n\"} , {\"to\":\"\",\"miles\":0}], \"\\u006e\":-128, \"name\":\"\", \"paid\":false, "
      "\"cost\":-1.5e3, \"ratio\":1, \"count\":4294967295, \"extra\":{\"a\":1,\"b c\":2}, \"pair\":[1,2], "
      "\"seats\":null} \r\n";
  ASSERT_TRUE(decoder.decode(record, trip, error)) << ms::to_string(error);
  EXPECT_EQ(trip.n, -128);
  EXPECT_EQ(trip.cost, -1500);
  EXPECT_EQ(trip.count, 4294967295U);
  EXPECT_EQ(trip.color, sample::Color::green);
  EXPECT_EQ(ms::to_string(trip.at), "2001-03-04T00:01:00.5Z");
  EXPECT_FALSE(trip.seats.has_value());
  EXPECT_EQ(trip.legs, (std::vector<Leg>{{"ü😀\n", -5}, {"", 0}}));
  EXPECT_EQ(trip.extra, (std::map<std::string, std::int32_t>{{"a", 1}, {"b c", 2}}));
  ASSERT_TRUE(decoder.decode(kGood, trip, error)) << ms::to_string(error);
  EXPECT_FALSE(trip.legs.has_value()) << "a missing optional field is reset";
}

TEST(Json, NamesFieldAndColumnOfEveryFault) {
  const struct {
    std::string record;
    const char* field;
    std::size_t column;
    const char* reason;
  } kCases[] = {
      // wrong type
      {with("1,", "\"1\","), "n", 6, "expected an integer, found \"1\""},
      {with("1,", "1.0,"), "n", 6, "expected an integer, found \"1.0\""},
      {with("1,", "1e1,"), "n", 6, "expected an integer"},
      {with("1,", "null,"), "n", 6, "found null"},
      {with("1,", "true,"), "n", 6, "expected an integer, found \"true\""},
      {with("1,", "[1],"), "n", 6, "found an array"},
      {with("1,", "{\"a\":1},"), "n", 6, "found an object"},
      {with("\"x\"", "5"), "name", 15, "expected a string, found \"5\""},
      {with("\"x\"", "null"), "name", 15, "found null"},
      {with("true", "1"), "paid", 26, "expected true or false"},
      {with("true", "truex"), "paid", 26, "expected true or false"},
      {with("2,", "\"\","), "cost", 38, "expected a number, found an empty string"},
      {with("\"2001-03-04T00:01:00Z\"", "983664060"), "at", 67, "RFC 3339"},
      {with("2001-03", "2001-13"), "at", 67, "the month is not between"},
      {with("\"blue\"", "\"pink\""), "color", 98, "one of red, green, blue, found \"pink\""},
      {with("\"blue\"", "200"), "color", 98, "name of an enumerator"},
      // out of range
      {with("1,", "128,"), "n", 6, "\"128\" is out of range (the type holds -128 to 127)"},
      {with("1,", "99999999999999999999,"), "n", 6, "out of range"},
      {with("3,", "-1,"), "count", 60, "out of range (the type holds 0 to 4294967295)"},
      {with("3,", "4294967296,"), "count", 60, "out of range"},
      {with("2,", "1e999,"), "cost", 38, "out of range"},
      {with("0.1", "1e39"), "ratio", 48, "out of range"},
      // malformed scalars
      {with("1,", "01,"), "n", 6, "expected an integer"},
      {with("2,", "2.,"), "cost", 38, "number"},
      {with("2,", "-,"), "cost", 38, "number"},
      {with("\"x\"", "\"\\x\""), "name", 15, "escape"},
      {with("\"x\"", "\"\\ud800\""), "name", 15, "escape"},
      // optional, yet wrong
      {with("\"n\"", "\"seats\":\"2\",\"n\""), "seats", 10, "expected an integer"},
      {with("\"n\"", "\"legs\":[{\"to\":\"a\",\"miles\":1},{\"to\":\"b\",\"miles\":\"c\"}],\"n\""), "legs[1].miles", 49,
       "expected an integer"},
      {with("\"n\"", "\"legs\":[{\"to\":\"a\"}],\"n\""), "legs[0].miles", 10, "missing"},
      {with("\"n\"", "\"legs\":{},\"n\""), "legs", 9, "expected an array, found an object"},
      {with("\"n\"", "\"legs\":[1],\"n\""), "legs[0]", 10, "expected an object"},
      {with("\"n\"", "\"extra\":{\"a\":1,\"a\":2},\"n\""), "extra.a", 21, "twice"},
      {with("\"n\"", "\"pair\":[1],\"n\""), "pair", 9, "expected 2 elements, found 1"},
      {with("\"n\"", "\"pair\":[1,2,3],\"n\""), "pair[2]", 14, "found more"},
      // names
      {with("\"n\":1,", ""), "n", 1, "missing"},
      {with(",\"color\":\"blue\"", ""), "color", 1, "missing"},
      {with("\"n\"", "\"m\""), "m", 2, "unknown field"},
      {with("\"n\"", "\"a\\\"b\""), "a\"b", 2, "unknown field"},
      {with("\"name\"", "\"n\""), "n", 8, "twice"},
      {"{}", "n", 1, "missing"},
      {"  {}", "n", 3, "missing"},
      // no JSON object
      {"", "", 1, "empty"},
      {"  ", "", 1, "empty"},
      {"[1]", "", 1, "expected a JSON object"},
      {" 12", "", 2, "expected a JSON object"},
      {"null", "", 1, "expected a JSON object"},
      {"{\"n\":1", "", 7, "malformed JSON"},
      {"{\"n\":1,}", "", 8, "malformed JSON"},
      {"{\"n\" 1}", "", 6, "malformed JSON"},
      {"{\"n\":1 \"name\":\"x\"}", "", 8, "malformed JSON"},
      {"{n:1}", "", 2, "malformed JSON"},
      {"{\"n\":1,\"name\":\"x}", "", 15, "a string is not closed"},
      {"{\"n\":1,\"name\":\"a\tb\"}", "", 17, "control character"},
      {"{\"n\":1,\"name\":\"a\xFF\"}", "", 17, "UTF-8"},
      {std::string{kGood} + "x", "", 105, "behind the object"},
      {std::string{kGood} + " {}", "", 106, "behind the object"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.record);
    expect_error<Trip>(c.record, c.field, c.column, c.reason);
  }
}

TEST(Json, LimitsDepthAndSize) {
  std::string deep = "{\"value\":1,\"children\":[]}";
  for (int i = 0; i < 31; ++i) deep = "{\"value\":1,\"children\":[" + deep + "]}";
  ms::JsonDecoder<sample::Tree> decoder;
  sample::Tree tree;
  ms::DecodeError error;
  EXPECT_TRUE(decoder.decode(deep, tree, error)) << ms::to_string(error);
  EXPECT_FALSE(decoder.decode("{\"value\":1,\"children\":[" + deep + "]}", tree, error));
  EXPECT_NE(error.reason.find("64 levels"), std::string::npos) << error.reason;
  EXPECT_FALSE(decoder.decode(std::string(100'000, '['), tree, error));

  ms::JsonDecoder<std::string> strings;
  std::string out;
  const std::string largest = '"' + std::string(ms::kRecordBytesMax - 2, 'x') + '"';
  EXPECT_TRUE(strings.decode(largest, out, error)) << ms::to_string(error);
  EXPECT_EQ(out.size(), ms::kRecordBytesMax - 2);
  EXPECT_FALSE(strings.decode(largest + " ", out, error));
  EXPECT_NE(error.reason.find("16777217 bytes"), std::string::npos) << error.reason;
}

TEST(Json, ReadsOtherValuesThanObjects) {
  expect_value<std::string>(" \"a\\n\" ", "a\n");
  expect_value<std::int64_t>("-9223372036854775808", std::numeric_limits<std::int64_t>::min());
  expect_value<std::uint64_t>("18446744073709551615", std::numeric_limits<std::uint64_t>::max());
  expect_value<double>("1e-999", 0.0);
  expect_value<float>("16777217.000001", 16777218.0F);
  expect_value<bool>("true", true);
  expect_value<std::vector<Leg>>("[{\"to\":\"a\",\"miles\":1}]", {{"a", 1}});
  expect_value<std::map<std::string, std::int32_t>>("{\"a\":1}", {{"a", 1}});
  expect_value<std::optional<std::int32_t>>("null", {});
  expect_error<std::int64_t>("1 2", "", 3, "malformed");
  expect_error<std::int64_t>("1,2", "", 3, "behind the value");
  expect_error<std::int64_t>("", "", 1, "empty");
  expect_error<std::int64_t>("1],[2", "", 3, "behind the value");
  expect_error<std::vector<std::int64_t>>("[1,\"x\"]", "[1]", 4, "expected an integer");
}

TEST(Json, WritesWhatItReads) {
  sample::Random random{4};
  ms::JsonDecoder<sample::Nested> decoder;
  ms::DecodeError error;
  sample::Nested back;
  for (int i = 0; i < 3'000; ++i) {
    const sample::Nested value = random.nested();
    const std::string text = json(value);
    ASSERT_TRUE(decoder.decode(text, back, error)) << text << "\n" << ms::to_string(error);
    ASSERT_EQ(back, value) << text;
  }
}

TEST(Json, WritesTheFormsThatItPromises) {
  EXPECT_EQ(json(Leg{"a\"\\\x01\n/\x7F", 3}), "{\"to\":\"a\\\"\\\\\\u0001\\n/\x7F\",\"miles\":3}");
  EXPECT_EQ(json(std::string{"\xFFü\xC3"}), "\"\xEF\xBF\xBDü\xEF\xBF\xBD\"");
  EXPECT_EQ(json(0.1), "0.1");
  EXPECT_EQ(json(1e300), "1e+300");
  EXPECT_EQ(json(std::nan("")), "null");
  EXPECT_EQ(json(-INFINITY), "null");
  EXPECT_EQ(json(sample::Color::blue), "\"blue\"");
  EXPECT_EQ(json(static_cast<sample::Color>(7)), "7");
  EXPECT_EQ(json(sample::Level::high), "300");
  EXPECT_EQ(json(std::chrono::milliseconds{1500}), "1500");
  EXPECT_EQ(json(std::chrono::sys_time<std::chrono::nanoseconds>{std::chrono::nanoseconds{-1}}),
            "\"1969-12-31T23:59:59.999999999Z\"");
  EXPECT_EQ(json(std::chrono::sys_days{std::chrono::days{1}}), "\"1970-01-02T00:00:00Z\"");
  EXPECT_EQ(json(ms::kTimestampMax), "\"+infinity\"");
  EXPECT_EQ(json(std::variant<std::monostate, int>{}), "null");
  EXPECT_EQ(json(sample::Empty{}), "{}");
  EXPECT_EQ(json(std::map<std::string, std::vector<int>>{{"", {}}}), "{\"\":[]}");
}

TEST(Json, ADecoderCanBeCopiedAndReused) {
  ms::JsonDecoder<Leg> first;
  ms::DecodeError error;
  Leg leg;
  ASSERT_TRUE(first.decode("{\"to\":\"" + std::string(5'000, 'x') + "\",\"miles\":1}", leg, error));
  ms::JsonDecoder<Leg> second{first};
  for (ms::JsonDecoder<Leg>* decoder : {&first, &second}) {
    // A shorter record behind a longer one: what the longer left in the buffer must not count.
    EXPECT_FALSE(decoder->decode("{\"to\":\"a\",\"miles\":1", leg, error));
    EXPECT_TRUE(decoder->decode("{\"to\":\"a\",\"miles\":1}", leg, error));
  }
}

}  // namespace
