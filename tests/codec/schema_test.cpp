// Schemas: their text, their comparison, and that they can be stored like any other value.
#include "millstream/codec/schema.hpp"

#include <gtest/gtest.h>

#include "sample_types.hpp"

namespace ms = millstream;

namespace {

struct Opaque {};
struct Payment {
  std::string card;
  std::int64_t cents;
  ms::Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents, at))
struct PaymentInDollars {
  std::string card;
  double cents;
  ms::Timestamp at;
};
BOOST_DESCRIBE_STRUCT(PaymentInDollars, (), (card, cents, at))

class Account {
 public:
  std::int32_t number = 0;

 private:
  std::int32_t secret_ = 0;
  BOOST_DESCRIBE_CLASS(Account, (), (number), (), (secret_))
};

}  // namespace

template <>
struct millstream::Codec<Opaque> {
  static constexpr std::string_view kName = "opaque thing";
  static void encode(const Opaque&, ByteWriter&) {}
  static bool decode(ByteReader&, Opaque&) { return true; }
};

namespace {

TEST(Schema, HasAReadableForm) {
  EXPECT_EQ(ms::schema_of<Payment>().to_string(), "struct{card: string, cents: i64, at: timestamp(i64 x 1/1000000 s)}");
  EXPECT_EQ(ms::schema_of<sample::Tree>().to_string(), "struct{value: i32, children: list<recursive(1)>}");
  EXPECT_EQ(ms::schema_of<sample::Color>().to_string(), "enum(u8){red: 1, green: 2, blue: 200}");
  EXPECT_EQ(ms::schema_of<sample::Level>().to_string(), "enum(i16)");
  EXPECT_EQ((ms::schema_of<std::map<std::string, std::optional<float>>>().to_string()), "map<string, optional<f32>>");
  EXPECT_EQ((ms::schema_of<std::variant<std::monostate, std::pair<bool, char>>>().to_string()),
            "variant<empty, tuple<bool, char>>");
  EXPECT_EQ((ms::schema_of<std::array<std::uint16_t, 3>>().to_string()), "array(3)<u16>");
  EXPECT_EQ(ms::schema_of<std::chrono::hours>().to_string(), "duration(i64 x 3600 s)");
  EXPECT_EQ(ms::schema_of<std::set<Opaque>>().to_string(), "set<opaque(opaque thing)>");
}

TEST(Schema, HasInheritedAndOnlyPublicMembers) {
  EXPECT_EQ(ms::schema_of<sample::Flat>().fields.front().name, "id");
  EXPECT_EQ(ms::schema_of<Account>().to_string(), "struct{number: i32}");
}

TEST(Schema, ComparesByContentNotByName) {
  EXPECT_EQ(ms::schema_of<Payment>(), ms::schema_of<Payment>());
  EXPECT_NE(ms::schema_of<Payment>(), ms::schema_of<PaymentInDollars>());
  EXPECT_EQ(ms::schema_of<std::vector<int>>(), ms::schema_of<std::deque<int>>());
}

TEST(Schema, CanBeStored) {
  const ms::Schema schema = ms::schema_of<sample::Binary>();
  std::string bytes;
  ms::encode_value(schema, bytes);
  ms::Schema back;
  ASSERT_TRUE(ms::decode_value(bytes, back));
  EXPECT_EQ(back, schema);
}

}  // namespace
