// A record type for file tests, and texts of many of them.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "millstream/codec/encode.hpp"
#include "millstream/core/random.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0::testing {

struct Reading {
  std::string sensor;
  std::int64_t value = 0;
  std::optional<std::string> note;
  Timestamp at{};
  friend bool operator==(const Reading&, const Reading&) = default;
};
BOOST_DESCRIBE_STRUCT(Reading, (), (sensor, value, note, at))

inline void PrintTo(const Reading& reading, std::ostream* out) {
  std::string text;
  encode_json(reading, text);
  *out << text;
}

inline std::vector<Reading> random_readings(std::uint64_t seed, std::size_t count) {
  std::vector<Reading> all;
  Random random{seed};
  for (std::size_t i = 0; i < count; ++i) {
    Reading reading{"s" + std::to_string(random.below(50)),
                    random.between(-1'000'000, 1'000'000),
                    {},
                    Timestamp{Duration{random.between(0, 1'000'000'000'000)}}};
    if (random.chance(0.3)) {
      // Everything that needs quotes or escapes.
      static constexpr std::string_view kParts[] = {"a", ",", "\"", "\n", "\r\n", "\xC3\xA4", " ", "\\", "{"};
      reading.note.emplace();
      for (std::uint64_t parts = random.below(12); parts > 0; --parts) *reading.note += kParts[random.below(9)];
    }
    all.push_back(std::move(reading));
  }
  return all;
}

inline std::string to_json_lines(const std::vector<Reading>& readings) {
  std::string text;
  for (const Reading& reading : readings) {
    encode_json(reading, text);
    text += '\n';
  }
  return text;
}

inline std::string to_csv(const std::vector<Reading>& readings) {
  std::string text;
  CsvEncoder<Reading>::header(text);
  for (const Reading& reading : readings) CsvEncoder<Reading>::row(reading, text);
  return text;
}

}  // namespace millstream::inline v0::testing
