// Values in messages, by format; tombstones; the user's own.
#include <gmock/gmock.h>

#include "connectors/kafka/payments.hpp"
#include "millstream/connectors/kafka/format.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::Format;
using kafka::detail::MessageView;
using kafka::detail::ValueDecoder;
using kafka::detail::ValueEncoder;
using ::testing::HasSubstr;
using testing::Payment;

struct Celsius {
  int degrees = 0;
};

MessageView holding(std::string_view value) { return {.value = value, .has_value = true}; }

template <class T>
std::string reason_for(ValueDecoder<T>& decoder, std::string_view bytes) {
  T value{};
  DecodeError error;
  EXPECT_FALSE(decoder.decode(holding(bytes), value, error));
  return error.reason;
}

template <class T>
T back_and_forth(const T& value, Format format) {
  std::string bytes;
  EXPECT_TRUE(ValueEncoder<T>{format}.encode(value, bytes));
  T back{};
  DecodeError error;
  ValueDecoder<T> decoder{format};
  EXPECT_TRUE(decoder.decode(holding(bytes), back, error)) << error.reason;
  return back;
}

}  // namespace
}  // namespace millstream::inline v0

template <>
struct millstream::kafka::Serde<millstream::Celsius> {
  static bool decode(std::string_view bytes, Celsius& value, std::string& reason) {
    if (!bytes.ends_with('C')) {
      reason = "expected degrees and a C";
      return false;
    }
    value.degrees = static_cast<int>(bytes.size());
    return true;
  }
  static void encode(const Celsius& value, std::string& bytes) {
    bytes.append(static_cast<std::size_t>(value.degrees - 1), '-');
    bytes += 'C';
  }
};

namespace millstream::inline v0 {
namespace {

TEST(KafkaFormat, EachReadsWhatItWrites) {
  const Payment payment{"a,\"b\"", -7};
  EXPECT_EQ(back_and_forth(payment, Format::kJson), payment);
  EXPECT_EQ(back_and_forth(payment, Format::kCsv), payment);
  EXPECT_EQ(back_and_forth(payment, Format::kAuto), payment);
  EXPECT_EQ(back_and_forth<std::string>({"\0\xff\n", 3}, Format::kAuto), (std::string{"\0\xff\n", 3}));
  EXPECT_EQ(back_and_forth(Celsius{4}, Format::kAuto).degrees, 4);
}

TEST(KafkaFormat, TheTextIsWhatOthersExpect) {
  std::string bytes;
  EXPECT_TRUE(ValueEncoder<Payment>{Format::kAuto}.encode({"a", 7}, bytes));
  EXPECT_EQ(bytes, R"({"card":"a","cents":7})");
  bytes.clear();
  EXPECT_TRUE(ValueEncoder<Payment>{Format::kCsv}.encode({"a", 7}, bytes));
  EXPECT_EQ(bytes, "a,7");
}

TEST(KafkaFormat, AMessageOfCsvIsOneRow) {
  ValueDecoder<Payment> decoder{Format::kCsv};
  EXPECT_THAT(reason_for(decoder, "a,1\nb,2"), HasSubstr("more behind it"));
  EXPECT_THAT(reason_for(decoder, ""), HasSubstr("empty message"));
  EXPECT_THAT(reason_for(decoder, "\"a,1"), HasSubstr("quote"));
  EXPECT_THAT(reason_for(decoder, "a,b"), HasSubstr("expected an integer"));
  // And none of them spoils the next one.
  Payment payment;
  DecodeError error;
  EXPECT_TRUE(decoder.decode(holding("a,1\r\n"), payment, error)) << error.reason;
  EXPECT_EQ(payment, (Payment{"a", 1}));
}

TEST(KafkaFormat, AMessageWithoutValueIsAnEmptyOptional) {
  ValueDecoder<Payment> plain{Format::kAuto};
  Payment payment;
  DecodeError error;
  EXPECT_FALSE(plain.decode({}, payment, error));
  EXPECT_THAT(error.reason, HasSubstr("tombstone"));
  ValueDecoder<std::optional<Payment>> optional{Format::kAuto};
  std::optional<Payment> value{Payment{}};
  EXPECT_TRUE(optional.decode({}, value, error));
  EXPECT_EQ(value, std::nullopt);
  EXPECT_TRUE(optional.decode(holding(R"({"card":"a","cents":7})"), value, error));
  EXPECT_EQ(value, (Payment{"a", 7}));
  std::string bytes;
  EXPECT_FALSE(ValueEncoder<std::optional<Payment>>{Format::kAuto}.encode(std::nullopt, bytes));
  EXPECT_EQ(bytes, "");
}

TEST(KafkaFormat, WhatDoesNotFitTheTypeIsSaid) {
  EXPECT_THAT(ValueDecoder<std::vector<int>>::mistake(Format::kCsv), HasSubstr("does not fit CSV"));
  EXPECT_THAT(ValueDecoder<Payment>::mistake(Format::kRaw), HasSubstr("std::string"));
  EXPECT_THAT(ValueEncoder<Celsius>::mistake(Format::kJson), HasSubstr("Serde"));
  EXPECT_EQ(ValueDecoder<Payment>::mistake(Format::kCsv), nullptr);
  ValueDecoder<Celsius> own{Format::kAuto};
  EXPECT_EQ(reason_for(own, "12 F"), "expected degrees and a C");
}

}  // namespace
}  // namespace millstream::inline v0
