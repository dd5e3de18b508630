// The records of these tests.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>

namespace millstream::inline v0::testing {

struct Payment {
  std::string card;
  std::int64_t cents = 0;
  friend bool operator==(const Payment&, const Payment&) = default;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents))

}  // namespace millstream::inline v0::testing
