// One record through the parser library, from its bytes to its end, and what to say when it is no JSON.
#include "codec/json_parser.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "codec/utf8.hpp"

namespace millstream::inline v0::detail {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kFirstCapacity = 4'096;  // holds most records; grows by doubling

/// The first byte that is wrong in a text whose strings are not JSON strings, and why.
std::size_t find_string_fault(std::string_view text, const char*& reason) {
  std::size_t opened = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string && static_cast<unsigned char>(c) < 0x20) {
      reason = "a control character within a string must be escaped";
      return at;
    }
    if (in_string && c == '\\') {
      ++at;
    } else if (c == '"') {
      in_string = !in_string;
      opened = at;
    }
  }
  reason = "a string is not closed";
  return opened;
}

/// Where the object or array that opens `text` is behind its end; npos where it is not closed.
std::size_t find_end(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return text.npos;
}

const char* syntax_words(simdjson::error_code code) {
  switch (code) {
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "malformed JSON: an object or array is not closed";
    case simdjson::STRING_ERROR:
      return "malformed JSON: an invalid escape in a string";
    case simdjson::EMPTY:
      return "the record is empty";
    case simdjson::MEMALLOC:
      return "there was not enough memory to parse the record";
    default:
      return "malformed JSON";
  }
}

}  // namespace

void JsonReader::State::load(std::string_view record, bool brackets) {
  before_buffer = record.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  record.remove_prefix(before_buffer);
  before_record = brackets ? 1 : 0;
  size = record.size() + 2 * before_record;
  if (size + simdjson::SIMDJSON_PADDING > capacity || buffer == nullptr) {
    capacity = std::max(kFirstCapacity, std::bit_ceil(size + simdjson::SIMDJSON_PADDING));
    buffer = std::make_unique_for_overwrite<char[]>(capacity);
  }
  char* at = buffer.get();
  if (brackets) *at++ = '[';
  at = std::copy(record.begin(), record.end(), at);
  if (brackets) *at++ = ']';
  // Of an earlier, longer record nothing may be left that could pass for the end of this one.
  std::memset(at, 0, simdjson::SIMDJSON_PADDING);
}

std::string_view JsonReader::State::token() const {
  std::string_view text = value->raw_json_token();
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

std::size_t JsonReader::State::object_column() const {
  const std::string_view text{buffer.get() + before_record, size - 2 * before_record};
  const std::size_t first = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return first + before_buffer + 1;
}

bool JsonReader::State::fail_at(std::size_t at, std::string field, std::string reason) {
  error->field = std::move(field);
  error->column = at;
  error->reason = std::move(reason);
  return false;
}

bool JsonReader::State::expected_value(std::string_view what) {
  const std::string_view text = token();
  const std::string_view prefix = "expected ";
  std::string reason;
  switch (text.empty() ? '\0' : text.front()) {
    case '{':
      reason.append(prefix).append(what).append(", found an object");
      break;
    case '[':
      reason.append(prefix).append(what).append(", found an array");
      break;
    case '"':
      expected(what, text.substr(1, std::max<std::size_t>(text.size(), 2) - 2), reason);
      if (text == "\"\"") reason.assign(prefix).append(what).append(", found an empty string");
      break;
    default:
      if (text == "null") {
        reason.append(prefix).append(what).append(", found null");
      } else {
        expected(what, text, reason);
      }
  }
  return fail_at(column(text.data()), "", std::move(reason));
}

bool JsonReader::State::fail_syntax(simdjson::error_code code) {
  const char* at = buffer.get() + size;
  if (code == simdjson::INCOMPLETE_ARRAY_OR_OBJECT) {
    // Only that the last token does not fit was noticed: either something is missing or something follows.
    const std::string_view text{buffer.get(), size};
    const std::size_t start = std::min(text.find_first_of("{["), size);
    const std::size_t end = find_end(text.substr(start));
    const std::size_t behind = end == text.npos ? text.npos : text.find_first_not_of(" \t\r\n", start + end);
    if (behind == text.npos) return fail_at(column(at), "", syntax_words(code));
    return fail_at(column(at - size + behind), "", "there is text behind the object");
  }
  if (const char* location = nullptr; !document.current_location().get(location)) at = location;
  return fail_at(column(at), "", syntax_words(code));
}

bool JsonReader::State::fail_inside(std::string_view place) const {
  const std::string_view separator = error->field.empty() || error->field.front() == '[' ? "" : ".";
  error->field.insert(0, std::string{place}.append(separator));
  return false;
}

bool JsonReader::State::enter() {
  if (++depth <= 64) return true;
  fail_at(value_column(), "", "nested deeper than 64 levels");
  return false;
}

bool JsonReader::decode(std::string_view record, bool object, void* value,
                        bool (*read)(JsonReader& reader, void* value), DecodeError& error) {
  State& s = *state_;
  s.error = &error;
  s.value = nullptr;
  s.depth = 0;
  error.field.clear();
  if (record.size() > kRecordBytesMax) {
    return s.fail_at(
        0, "",
        "the record has " + std::to_string(record.size()) + " bytes, the most is " + std::to_string(kRecordBytesMax));
  }
  s.load(record, !object);
  if (s.parser.capacity() < s.size) {
    if (const auto code = s.parser.allocate(s.capacity, s.parser.max_depth()); code) return s.fail_syntax(code);
  }
  if (const auto code = s.parser.iterate(s.buffer.get(), s.size, s.capacity).get(s.document); code) {
    const std::string_view text{s.buffer.get(), s.size};
    if (code == simdjson::UTF8_ERROR) {
      std::size_t at = 0;
      while (const std::size_t length = utf8_length(text.substr(at))) at += length;
      return s.fail_at(s.column(s.buffer.get() + at), "", "the record is not valid UTF-8");
    }
    if (code == simdjson::UNCLOSED_STRING || code == simdjson::UNESCAPED_CHARS) {
      const char* reason = nullptr;
      const std::size_t at = find_string_fault(text, reason);
      return s.fail_at(s.column(s.buffer.get() + at), "", std::string{"malformed JSON: "} + reason);
    }
    return s.fail_at(s.column(s.buffer.get()), "", syntax_words(code));
  }
  if (object) {
    const std::size_t first = s.object_column() - 1 - s.before_buffer;
    if (s.buffer[first] != '{') return s.fail_at(s.object_column(), "", "expected a JSON object");
    if (!read(*this, value)) return false;
  } else {
    ondemand::array array;
    if (const auto code = s.document.get_array().get(array); code) return s.fail_syntax(code);
    std::size_t count = 0;
    for (auto element : array) {
      ondemand::value current;
      if (const auto code = std::move(element).get(current); code) return s.fail_syntax(code);
      s.value = &current;
      if (++count > 1) return s.fail_at(s.value_column(), "", "there is text behind the value");
      if (!read(*this, value)) return false;
    }
    if (count == 0) return s.fail_at(1, "", "the record is empty");
  }
  const char* rest = nullptr;
  if (!s.document.current_location().get(rest)) {
    return s.fail_at(s.column(rest), "", object ? "there is text behind the object" : "there is text behind the value");
  }
  return true;
}

}  // namespace millstream::inline v0::detail
