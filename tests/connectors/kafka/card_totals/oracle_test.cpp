// The oracle itself: it says nothing of what is right, and names what is lost, doubled or wrong.
#include "connectors/kafka/card_totals/oracle.hpp"

#include <gmock/gmock.h>

#include <map>

namespace millstream::inline v0 {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Logged;
using testing::payment_text;
using testing::wrong_dead_letters;
using testing::wrong_totals;

class CardTotalsOracle : public ::testing::Test {
 protected:
  void SetUp() override {
    std::map<int, std::pair<int, int>> totals;
    for (int i = 0; i < 20; ++i) {
      const int card = i % 3;
      input.push_back({.value = payment_text(card, i), .partition = i % 2, .offset = i / 2 * 3});
      auto& [count, cents] = totals[card];
      cents += i;
      output.push_back(total(card, ++count, cents, input.back()));
    }
  }
  static Logged total(int card, int count, int cents, const Logged& of) {
    const std::string name = "card-" + std::to_string(card);
    return {.value = "{\"card\":\"" + name + "\",\"count\":" + std::to_string(count) +
                     ",\"cents\":" + std::to_string(cents) + ",\"partition\":" + std::to_string(of.partition) +
                     ",\"offset\":" + std::to_string(of.offset) + "}",
            .key = name};
  }
  std::vector<Logged> input;
  std::vector<Logged> output;
};

TEST_F(CardTotalsOracle, SaysNothingOfWhatIsRight) {
  input.push_back({.value = "no payment", .partition = 0, .offset = 99});
  EXPECT_THAT(wrong_totals(input, output), IsEmpty());
}

TEST_F(CardTotalsOracle, NamesWhatIsLost) {
  output.pop_back();
  EXPECT_THAT(wrong_totals(input, output), HasSubstr("1 lost:\n  partition 1 offset 27 of the input, of card-1"));
}

TEST_F(CardTotalsOracle, NamesWhatIsDoubledOnce) {
  output.push_back(output.front());
  EXPECT_THAT(wrong_totals(input, output), HasSubstr("1 doubled:\n  partition 0 offset 0 of the input"));
}

TEST_F(CardTotalsOracle, NamesAWrongTotalOnce) {
  output[5] = total(2, 2, 8, input[5]);                                         // 7 is right
  EXPECT_THAT(wrong_totals(input, output), HasSubstr("2 with a wrong total"));  // it and the next of its card
}

TEST_F(CardTotalsOracle, NamesWhatIsForNoPayment) {
  output.push_back(total(0, 8, 100, {.partition = 1, .offset = 1000}));
  EXPECT_THAT(wrong_totals(input, output), HasSubstr("1 for no such payment"));
}

TEST_F(CardTotalsOracle, NamesWhatIsInAnotherOrder) {
  // The first and the seventh payment are of one card and one partition.
  output[0] = total(0, 1, 6, input[6]);
  output[3] = total(0, 2, 9, input[3]);
  output[6] = total(0, 3, 9, input[0]);
  EXPECT_THAT(wrong_totals(input, output), HasSubstr("1 out of order"));
}

TEST(DeadLetterOracle, WantsOneForEachThatIsNoPayment) {
  const std::vector<Logged> input{{.value = "bad", .key = "k", .partition = 1, .offset = 5, .headers = {{"a", "b"}}},
                                  {.value = payment_text(1, 1), .partition = 1, .offset = 6},
                                  {.value = "{", .partition = 0, .offset = 7}};
  const auto letter = [](Logged of) {
    const auto say = [&](const std::string& name, const std::string& value) {
      of.headers.emplace_back("__millstream.errors." + name, value);
    };
    say("topic", "in");
    say("partition", std::to_string(of.partition));
    say("offset", std::to_string(of.offset));
    say("stage", "payments");
    say("message", "it is none");
    return of;
  };
  const Logged first = letter(input[0]);
  const Logged second = letter(input[2]);
  EXPECT_THAT(wrong_dead_letters("in", input, {first, second}), IsEmpty());
  EXPECT_THAT(wrong_dead_letters("in", input, {first}), HasSubstr("1 lost dead letters"));
  EXPECT_THAT(wrong_dead_letters("in", input, {first, first, second}), HasSubstr("1 doubled dead letters"));
  EXPECT_THAT(wrong_dead_letters("in", input, {first, letter(input[1]), second}),
              HasSubstr("1 dead letters of good messages"));
  EXPECT_THAT(wrong_dead_letters("other", input, {first}), HasSubstr("1 dead letters of good messages"));
  EXPECT_THAT(wrong_dead_letters("in", input, {first, input[2]}), HasSubstr("1 lost dead letters"));
  Logged changed = first;
  for (const auto& change : {+[](Logged& l) { l.value += "x"; }, +[](Logged& l) { l.key.reset(); },
                             +[](Logged& l) { l.headers.erase(l.headers.begin()); }}) {
    changed = first;
    change(changed);
    EXPECT_THAT(wrong_dead_letters("in", input, {changed, second}), HasSubstr("1 dead letters that are not as"));
  }
  changed = first;
  changed.headers.pop_back();
  EXPECT_THAT(wrong_dead_letters("in", input, {changed, second}), HasSubstr("1 dead letters that do not say"));
}

}  // namespace
}  // namespace millstream::inline v0
