// What the tool prints: tables, and bytes and names in a form that a terminal can take.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millstream::tools {

/// Control characters and bytes that are no UTF-8 are escaped.
std::string printable(std::string_view text);
std::string hexadecimal(std::string_view bytes);
/// "1.5 MiB"
std::string size_text(std::uint64_t bytes);
/// Columns as wide as their widest cell, the first row being the heads.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace millstream::tools
