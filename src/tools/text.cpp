// Tables are measured in bytes: names are mostly ASCII, and others only lose their alignment.
#include "tools/text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "millstream/codec/encode.hpp"

namespace millstream::tools {

std::string printable(std::string_view text) {
  std::string json;
  encode_json(text, json);
  return json.substr(1, json.size() - 2);
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  detail::append_hexadecimal(text, bytes);
  return text;
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::string_view kUnits = "KMGTPE";
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024; ++unit) value /= 1024;
  return fmt::format("{:.1f} {}iB", value, kUnits[unit]);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) text += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

}  // namespace millstream::tools
