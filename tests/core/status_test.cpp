// How the message of an error grows while it travels up.
#include "millstream/core/status.hpp"

#include <gtest/gtest.h>

namespace millstream::inline v0 {
namespace {

std::string message_at(std::string message, std::string_view place) {
  return Status{ErrorCode::kIo, std::move(message)}.at(place).message();
}

TEST(Status, AtPutsThePlaceInFront) {
  EXPECT_EQ(message_at("it broke", "sink 'out'"), "sink 'out': it broke");
  EXPECT_EQ(Status{}.at("sink 'out'"), Status{});
}

TEST(Status, AtNamesAPlaceOnce) {
  EXPECT_EQ(message_at("a.csv:1: bad header", "source 's', split a.csv"), "source 's', split a.csv:1: bad header");
  EXPECT_EQ(message_at("x:y/a b.gz: byte 7", "source 's', split x:y/a b.gz"), "source 's', split x:y/a b.gz: byte 7");
  EXPECT_EQ(message_at("a.csv:1: bad", "a.csv"), "a.csv:1: bad");
  EXPECT_EQ(message_at("a.csv: bad", "split data.a.csv"), "split data.a.csv: a.csv: bad");
  EXPECT_EQ(message_at(": bad", "split"), "split: : bad");
}

}  // namespace
}  // namespace millstream::inline v0
