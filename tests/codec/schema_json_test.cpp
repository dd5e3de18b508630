// Values by their schema alone: schemas as text and back, bytes to JSON as encode_json writes it, and what is refused.
#include "millstream/codec/schema_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millstream/codec/encode.hpp"
#include "sample_types.hpp"

namespace ms = millstream;
using ::testing::HasSubstr;

namespace {

struct Sealed {
  std::string bytes;
};

using Days = std::chrono::sys_time<std::chrono::duration<std::int32_t, std::ratio<86400>>>;
using Ticks = std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<std::int64_t, std::ratio<1, 3>>>;
using Halves = std::chrono::duration<double, std::ratio<1, 2>>;

}  // namespace

template <>
struct millstream::Codec<Sealed> {
  static constexpr std::string_view kName = "seal(of, two)";
  static void encode(const Sealed& value, ByteWriter& out) { out.write_bytes(value.bytes); }
  static bool decode(ByteReader& in, Sealed& value) {
    std::string_view view;
    const bool good = in.read_view(in.remaining(), view);
    value.bytes = view;
    return good;
  }
};

namespace {

template <class T>
std::string json_by_schema(const T& value) {
  const ms::Schema schema = ms::schema_of<T>();
  const ms::Result<ms::Schema> parsed = ms::parse_schema(schema.to_string());
  EXPECT_TRUE(parsed) << parsed.error().to_string();
  if (!parsed) return "";
  EXPECT_EQ(*parsed, schema);
  std::string bytes;
  ms::encode_value(value, bytes);
  std::string json;
  EXPECT_TRUE(ms::bytes_to_json(*parsed, bytes, json)) << schema.to_string();
  return json;
}

template <class T>
void expect_same_json(const T& value) {
  std::string expected;
  ms::encode_json(value, expected);
  EXPECT_EQ(json_by_schema(value), expected);
}

std::string refused(std::string_view text) {
  const ms::Result<ms::Schema> parsed = ms::parse_schema(text);
  return parsed ? "not refused" : parsed.error().message();
}

TEST(SchemaJson, IsTheJsonOfTheValue) {
  sample::Random random{5};
  for (int i = 0; i < 300; ++i) {
    expect_same_json(random.nested());
    expect_same_json(random.flat());
    expect_same_json(random.tree(4));
    expect_same_json(random.binary().either);
    expect_same_json(random.binary().points);
    expect_same_json(random.binary().many);
    expect_same_json(Days{Days::duration{random.number<std::int32_t>()}});
  }
  expect_same_json(std::optional<sample::Level>{});
  expect_same_json(sample::Color{7});
  expect_same_json(Halves{0.5});
  expect_same_json(std::tuple<>{});
  expect_same_json(std::array<sample::Empty, 0>{});
  expect_same_json(ms::kTimestampMin);
}

TEST(SchemaJson, ShowsWhatJsonHasNoFormFor) {
  EXPECT_EQ(json_by_schema(std::map<std::int32_t, sample::Color>{{-1, sample::Color::blue}, {4, sample::Color::red}}),
            R"([[-1,"blue"],[4,"red"]])");
  EXPECT_EQ(json_by_schema(Ticks{Ticks::duration{7}}), "7");
  EXPECT_EQ(json_by_schema(std::pair{std::string{"k"}, Sealed{{"\x00\xfe", 2}}}), R"(["k","00fe"])");
  sample::Random random{6};
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(json_by_schema(random.binary()).empty());
}

TEST(SchemaJson, ReadsAllBytesOrNone) {
  std::string out = "before";
  const ms::Schema pair = *ms::parse_schema("tuple<u8, string>");
  EXPECT_FALSE(ms::bytes_to_json(pair, {"\x01\x02z", 3}, out));
  EXPECT_FALSE(ms::bytes_to_json(pair, {"\x01\x01zz", 4}, out));
  EXPECT_FALSE(ms::bytes_to_json(*ms::parse_schema("bool"), "\x02", out));
  EXPECT_FALSE(ms::bytes_to_json(*ms::parse_schema("empty"), "\x01", out));
  // Where an opaque value ends is its codec's secret.
  EXPECT_FALSE(ms::bytes_to_json(*ms::parse_schema("tuple<opaque, u8>"), "ab", out));
  EXPECT_EQ(out, "before");
}

TEST(SchemaJson, RefusesSchemasThatNobodyWrites) {
  EXPECT_EQ(refused("i65"), "schema, column 1: expected a type, found \"i65\"");
  EXPECT_THAT(refused("struct{a: i32"), HasSubstr("column 14: expected ', ' or '}', found nothing"));
  EXPECT_THAT(refused("list<i32>>"), HasSubstr("column 10: expected nothing more"));
  EXPECT_THAT(refused("map<i32>"), HasSubstr("another number of types in 'map'"));
  EXPECT_THAT(refused("struct{a: list<recursive(2)>}"), HasSubstr("as many structs around it"));
  EXPECT_THAT(refused("enum(u8){red: 01}"), HasSubstr("an enumerator's value"));
  for (const char* text : {"", "enum(f32)", "timestamp(i64 x 0 s)", "duration(i64 x s)", "array(-1)<i32>", "opaque(a",
                           "variant", "struct{: i32}", "list< i32>", "i32{a: i32}"}) {
    EXPECT_THAT(refused(text), HasSubstr("expected")) << text;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "list<";
  EXPECT_THAT(refused(deep), HasSubstr("expected fewer types in each other"));
}

TEST(SchemaJson, BoundsHowDeepAValueLies) {
  const ms::Schema tree = *ms::parse_schema("struct{value: i32, children: list<recursive(1)>}");
  const std::string level{"\0\0\0\0\x01", 5};
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += level;
  std::string out;
  EXPECT_FALSE(ms::bytes_to_json(tree, bytes, out));
}

TEST(SchemaJson, EntriesNameTheirKeyOrNot) {
  const ms::EntrySchema both = ms::parse_entry_schema("string -> struct{n: i64}");
  ASSERT_TRUE(both.key && both.value);
  EXPECT_EQ(both.key->to_string() + both.value->to_string(), "stringstruct{n: i64}");
  const ms::EntrySchema value = ms::parse_entry_schema("i64");
  EXPECT_TRUE(!value.key && value.value);
  const ms::EntrySchema key = ms::parse_entry_schema("i64 -> sessions of a key");
  EXPECT_TRUE(key.key && !key.value);
  for (const char* text : {"sessions of a key", "", "i64 and more"}) {
    const ms::EntrySchema none = ms::parse_entry_schema(text);
    EXPECT_TRUE(!none.key && !none.value) << text;
  }
}

TEST(CompactJson, IsOneSpelling) {
  EXPECT_EQ(*ms::compact_json(" { \"a\" : [1, 2.50, -0.0 , \"\\u0041\\/\"], \"b\":{ } } "),
            R"({"a":[1,2.5,-0,"A/"],"b":{}})");
  EXPECT_EQ(*ms::compact_json("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(*ms::compact_json("[true,null]"), "[true,null]");
  for (const char* text : {"", "AAPL", "{", "1 2", "\"a"}) {
    EXPECT_EQ(ms::compact_json(text).error().code(), ms::ErrorCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ms::compact_json(std::string(100'000, '[')));
}

}  // namespace
