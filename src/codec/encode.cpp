// Strings as JSON and CSV: what must be escaped or quoted, and nothing else.
#include "millstream/codec/encode.hpp"

#include <algorithm>
#include <array>

#include "codec/utf8.hpp"

namespace millstream::inline v0::detail {
namespace {

/// Bytes that a JSON string cannot simply copy: controls, quote, backslash, and whatever may not be UTF-8.
constexpr auto kSpecial = [] {
  std::array<bool, 256> special{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    special[byte] = byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;
  }
  return special;
}();

void append_escape(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      break;
    case '\\':
      out.append("\\\\");
      break;
    case '\n':
      out.append("\\n");
      break;
    case '\r':
      out.append("\\r");
      break;
    case '\t':
      out.append("\\t");
      break;
    case '\b':
      out.append("\\b");
      break;
    case '\f':
      out.append("\\f");
      break;
    default:
      out.append("\\u00").append({kHex[static_cast<std::size_t>(c) >> 4], kHex[static_cast<std::size_t>(c) & 15]});
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (!kSpecial[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    const std::size_t length = utf8_length(text.substr(at));
    if (length > 1) {
      at += length;
      continue;
    }
    out.append(text, copied, at - copied);
    if (length == 1) {
      append_escape(out, text[at]);
    } else {
      out.append("\xEF\xBF\xBD");  // U+FFFD, the replacement character
    }
    copied = ++at;
  }
  out.append(text, copied, text.size() - copied);
  out.push_back('"');
}

void append_csv_string(std::string& out, std::string_view text) {
  const bool plain =
      std::none_of(text.begin(), text.end(), [](char c) { return c == ',' || c == '"' || c == '\n' || c == '\r'; });
  // A byte order mark that opens a file would be taken for the file's own.
  if (plain && !text.starts_with("\xEF\xBB\xBF")) {
    out.append(text);
    return;
  }
  out.push_back('"');
  for (char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace millstream::inline v0::detail
