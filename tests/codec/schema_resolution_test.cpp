// Schema resolution: values of an earlier version as those of the present one, what is refused and in which words, and
// migrations.
#include "millstream/codec/schema_resolution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "versions.hpp"

namespace {

using ::testing::HasSubstr;
using versions::resolve;

/// The value as the version that is read now.
template <class Now, class Before>
Now read_as(const ms::StateConversion& conversion, const Before& before) {
  std::string bytes;
  ms::encode_value(before, bytes);
  std::string converted = "left over";
  const ms::Status status = conversion.convert(bytes, converted);
  EXPECT_TRUE(status.ok()) << status.to_string();
  Now now{};
  EXPECT_TRUE(ms::decode_value(converted, now));
  return now;
}

template <class Before, class Now>
std::string refusal() {
  const ms::Result<ms::StateConversion> resolved = resolve<Before, Now>();
  if (resolved) return "not refused";
  EXPECT_EQ(resolved.error().code(), ms::ErrorCode::kInvalidArgument);
  return resolved.error().message();
}

TEST(SchemaResolution, FieldsComeGoAndMoveAtEveryDepth) {
  const ms::Result<ms::StateConversion> resolved = resolve<before::Order, now::Order>();
  ASSERT_TRUE(resolved) << resolved.error().message();
  versions::Random random{1};
  for (int i = 0; i < 500; ++i) {
    const before::Order order = random.order();
    ASSERT_EQ(read_as<now::Order>(*resolved, order), versions::expected(order)) << i;
  }
}

TEST(SchemaResolution, ALineForEachFieldSaysWhatDiffers) {
  const ms::Result<ms::StateConversion> resolved = resolve<before::Order, now::Order>();
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_EQ(resolved->difference,
            "+ kind.coupon: 3\n"
            "- first.weight: i32\n"
            "+ first.country: string\n"
            "+ first.labels: list<string>\n"
            "- items[].weight: i32\n"
            "+ items[].country: string\n"
            "+ items[].labels: list<string>\n"
            "- by_name[].weight: i32\n"
            "+ by_name[].country: string\n"
            "+ by_name[].labels: list<string>\n"
            "- choice.1.weight: i32\n"
            "+ choice.1.country: string\n"
            "+ choice.1.labels: list<string>\n"
            "- pair[].gone: u16\n"
            "- tuple.0.gone: u16\n"
            "- tree.note: optional<string>\n"
            "+ tree.seen: bool\n"
            "- dropped: list<map<string, list<struct{gone: u16}>>>\n"
            "+ gift: struct{cents: i64, name: string, country: string, labels: list<string>}\n"
            "+ added_tree: struct{seen: bool, value: i32, children: list<recursive(1)>}");
}

TEST(SchemaResolution, EveryValueIsItselfWhereNothingDiffers) {
  const ms::Result<ms::StateConversion> same = resolve<sample::Binary, sample::Binary>();
  ASSERT_TRUE(same) << same.error().message();
  EXPECT_EQ(same->difference, "");
  sample::Random random{2};
  for (int i = 0; i < 200; ++i) {
    std::string bytes;
    ms::encode_value(random.binary(), bytes);
    std::string converted;
    ASSERT_TRUE(same->convert(bytes, converted).ok());
    ASSERT_EQ(converted, bytes);
  }
}

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())
struct Something {
  std::int8_t a = 3;
  std::int16_t b = 4;
  friend bool operator==(const Something&, const Something&) = default;
};
BOOST_DESCRIBE_STRUCT(Something, (), (a, b))

TEST(SchemaResolution, AStructMayBecomeAndHaveBeenEmpty) {
  const auto from_empty = resolve<std::vector<Nothing>, std::vector<Something>>();
  ASSERT_TRUE(from_empty);
  EXPECT_EQ((read_as<std::vector<Something>>(*from_empty, std::vector<Nothing>(2))), std::vector<Something>(2));
  const auto to_empty = resolve<std::pair<Something, bool>, std::pair<Nothing, bool>>();
  ASSERT_TRUE(to_empty);
  EXPECT_TRUE((read_as<std::pair<Nothing, bool>>(*to_empty, std::pair{Something{}, true}).second));
}

struct Wide {
  std::int64_t a = 3;
  std::string b;
};
BOOST_DESCRIBE_STRUCT(Wide, (), (a, b))
enum class Small : std::uint8_t { one = 1, two = 2 };
BOOST_DESCRIBE_ENUM(Small, one, two)
enum class Renumbered : std::uint8_t { one = 1, two = 3 };
BOOST_DESCRIBE_ENUM(Renumbered, one, two)
struct Sealed {
  std::int8_t a = 0;
  using FixedFields = void;
};
BOOST_DESCRIBE_STRUCT(Sealed, (), (a))

TEST(SchemaResolution, WhateverElseDiffersIsRefused) {
  EXPECT_EQ((refusal<Something, Wide>()),
            "~ a: i8 -> i64 (needs a migrate)\n"
            "~ b: i16 -> string (needs a migrate)");
  EXPECT_EQ((refusal<std::int32_t, std::int64_t>()), "~ value: i32 -> i64 (needs a migrate)");
  EXPECT_EQ((refusal<std::vector<Something>, std::optional<Something>>()),
            "~ value: list<struct{a: i8, b: i16}> -> optional<struct{a: i8, b: i16}> (needs a migrate)");
  EXPECT_THAT((refusal<std::array<bool, 2>, std::array<bool, 3>>()), HasSubstr("array(2)<bool> -> array(3)<bool>"));
  EXPECT_THAT((refusal<std::variant<bool>, std::variant<bool, char>>()), HasSubstr("needs a migrate"));
  EXPECT_THAT((refusal<Small, Renumbered>()), HasSubstr("enum(u8){one: 1, two: 2} -> enum(u8){one: 1, two: 3}"));
  EXPECT_THAT((refusal<std::chrono::seconds, std::chrono::milliseconds>()), HasSubstr("needs a migrate"));
  EXPECT_EQ((refusal<std::map<Something, int>, std::map<Nothing, int>>()),
            "- [key].a: i8 (it decides equality, so it cannot change)\n"
            "- [key].b: i16 (it decides equality, so it cannot change)");
  EXPECT_THAT((refusal<std::set<Small>, std::set<Renumbered>>()), HasSubstr("[]: enum"));
  EXPECT_THAT((refusal<Something, Sealed>()), HasSubstr("Millstream's own, of another version"));
}

TEST(SchemaResolution, KeysStayAsTheyWere) {
  const ms::StateDeclaration was = ms::declare_entries("s", ms::schema_of<std::int32_t>(), ms::schema_of<Something>());
  EXPECT_EQ(was.schema, "i32 -> struct{a: i8, b: i16}");
  const auto evolved = ms::declare_entries("s", ms::schema_of<std::int32_t>(), ms::schema_of<Nothing>());
  ASSERT_TRUE(evolved.evolve(was.schema));
  EXPECT_EQ(evolved.evolve(was.schema)->difference, "- a: i8\n- b: i16");
  const auto rekeyed = ms::declare_entries("s", ms::schema_of<std::int64_t>(), ms::schema_of<Nothing>());
  EXPECT_EQ(rekeyed.evolve(was.schema).error().message(),
            "~ key: i32 -> i64 (it decides equality, so it cannot change)");
  EXPECT_EQ(rekeyed.evolve("of another kind").error().message(), "~ value: of another kind -> struct");
}

}  // namespace

// --- migrations ---

namespace {

struct V1 {
  std::int32_t cents = 0;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(V1, (), (cents, name))
struct V2 {
  std::int64_t cents = 0;
  std::string full_name;
};
BOOST_DESCRIBE_STRUCT(V2, (), (cents, full_name))
struct V3 {
  double euros = 0;
  std::string full_name;
  std::string country = "de";
  friend bool operator==(const V3&, const V3&) = default;
};
BOOST_DESCRIBE_STRUCT(V3, (), (euros, full_name, country))

struct V2WithoutName {
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(V2WithoutName, (), (cents))
struct V3WithoutCountry {
  double euros = 0;
  std::string full_name;
};
BOOST_DESCRIBE_STRUCT(V3WithoutCountry, (), (euros, full_name))

/// Renamed its only field, so that adding and removing fields would do, too, and lose it.
struct Named {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Named, (), (name))
struct Renamed {
  std::string title;
  friend bool operator==(const Renamed&, const Renamed&) = default;
};
BOOST_DESCRIBE_STRUCT(Renamed, (), (title))

}  // namespace

template <>
struct millstream::Migration<V2> {
  using From = V1;
  static V2 migrate(V1 before) { return {before.cents, before.name + " (renamed)"}; }
};
template <>
struct millstream::Migration<V3> {
  using From = V2;
  static V3 migrate(V2 before) {
    if (before.cents < 0) throw std::runtime_error{"a debt"};
    return {static_cast<double>(before.cents) / 100, before.full_name, "fr"};
  }
};
template <>
struct millstream::Migration<Renamed> {
  using From = Named;
  static Renamed migrate(Named before) { return {before.name}; }
};

namespace {

TEST(Migration, ChainsFromTheVersionThatWasWritten) {
  const auto from_first = resolve<V1, V3>();
  ASSERT_TRUE(from_first) << from_first.error().message();
  EXPECT_EQ(read_as<V3>(*from_first, V1{250, "ann"}), (V3{2.5, "ann (renamed)", "fr"}));
  EXPECT_THAT(from_first->difference, HasSubstr("~ value: by its migrate"));
  const auto from_second = resolve<V2, V3>();
  ASSERT_TRUE(from_second) << from_second.error().message();
  EXPECT_EQ(read_as<V3>(*from_second, V2{250, "ann"}), (V3{2.5, "ann", "fr"}));
}

TEST(Migration, TheClosestVersionIsTaken) {
  const auto same = resolve<V3, V3>();
  ASSERT_TRUE(same);
  EXPECT_EQ(read_as<V3>(*same, V3{2.5, "ann", "it"}), (V3{2.5, "ann", "it"}));
  const auto almost_third = resolve<V3WithoutCountry, V3>();
  ASSERT_TRUE(almost_third);
  EXPECT_EQ(read_as<V3>(*almost_third, V3WithoutCountry{2.5, "ann"}), (V3{2.5, "ann", "de"}));
  const auto almost_second = resolve<V2WithoutName, V3>();
  ASSERT_TRUE(almost_second);
  EXPECT_EQ(read_as<V3>(*almost_second, V2WithoutName{100}), (V3{1, "", "fr"}));
  const auto renamed = resolve<Named, Renamed>();
  ASSERT_TRUE(renamed);
  EXPECT_EQ(read_as<Renamed>(*renamed, Named{"kept"}), Renamed{"kept"});
}

TEST(Migration, WorksInContainersAndFields) {
  using Before = std::map<std::string, std::vector<std::optional<V1>>>;
  using Now = std::map<std::string, std::vector<std::optional<V3>>>;
  const auto resolved = resolve<Before, Now>();
  ASSERT_TRUE(resolved) << resolved.error().message();
  EXPECT_EQ((read_as<Now>(*resolved, Before{{"k", {V1{100, "x"}, std::nullopt}}})),
            (Now{{"k", {V3{1, "x (renamed)", "fr"}, std::nullopt}}}));
  EXPECT_THAT((refusal<std::set<V1>, std::set<V3>>()), HasSubstr("cannot change"));
}

TEST(Migration, OneThatThrowsIsAnErrorOfTheUser) {
  const auto resolved = resolve<std::vector<V2>, std::vector<V3>>();
  ASSERT_TRUE(resolved);
  std::string bytes;
  ms::encode_value(std::vector<V2>{{1, "a"}, {-1, "b"}}, bytes);
  std::string converted;
  const ms::Status status = resolved->convert(bytes, converted);
  EXPECT_EQ(status.code(), ms::ErrorCode::kUserFailure);
  EXPECT_EQ(status.message(), "migrate: threw: a debt");
}

struct Flags {
  bool cents = false;
  bool full_name = false;
};
BOOST_DESCRIBE_STRUCT(Flags, (), (cents, full_name))

TEST(Migration, WhereNoVersionFitsTheDifferenceIsToTheClosest) {
  EXPECT_EQ((refusal<Flags, V2>()),
            "~ cents: bool -> i32 (needs a migrate)\n"
            "- full_name: bool\n"
            "+ name: string\n"
            "~ value: by its migrate");
}

}  // namespace
