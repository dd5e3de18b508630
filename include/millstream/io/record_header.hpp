// RecordHeader: a name and a value beside a record, as messages of a log have them.
#pragma once

#include <boost/describe/class.hpp>
#include <optional>
#include <string>

namespace millstream::inline v0 {

struct RecordHeader {
  std::string name = {};
  std::optional<std::string> value = {};
  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};
BOOST_DESCRIBE_STRUCT(RecordHeader, (), (name, value))

}  // namespace millstream::inline v0
