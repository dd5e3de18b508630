// The text of a schema back to the Schema: the other direction of schema.cpp, by recursive descent.
#include <algorithm>
#include <charconv>

#include "codec/schema_type.hpp"
#include "millstream/codec/schema_json.hpp"
#include "millstream/codec/text_value.hpp"

namespace millstream::inline v0 {
namespace {

using detail::SchemaType;

class SchemaParser {
 public:
  explicit SchemaParser(std::string_view text) : text_{text} {}

  bool schema(Schema& schema);
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  bool fail(std::string_view wanted) {
    if (reason_.empty()) detail::expected(wanted, rest(), reason_);
    return false;
  }
  [[nodiscard]] Status error() const {
    return {ErrorCode::kInvalidData, "schema, column " + std::to_string(at_ + 1) + ": " + reason_};
  }

 private:
  bool take(std::string_view wanted) {
    if (!rest().starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  template <class Accept>
  std::string_view take_while(Accept accept) {
    const std::string_view left = rest();
    const auto end = std::find_if_not(left.begin(), left.end(), accept);
    const auto size = static_cast<std::size_t>(end - left.begin());
    at_ += size;
    return left.substr(0, size);
  }
  bool type(std::string& type);
  bool fields(Schema& schema, SchemaType type, char close);
  bool enum_value(Schema& value);

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t structs_ = 0;  // around this place
  int depth_ = 0;
  std::string reason_;
};

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_name(char c) {
  return is_word(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

// A word, and what stands behind it in parentheses, which an opaque type's own name may have, too.
bool SchemaParser::type(std::string& type) {
  const std::size_t start = at_;
  take_while(is_word);
  if (rest().starts_with('(')) {
    int open = 0;
    take_while([&](char c) {
      open += c == '(' ? 1 : c == ')' ? -1 : 0;
      return open > 0;
    });
    if (!take(")")) return fail("')'");
  }
  type = text_.substr(start, at_ - start);
  if (detail::parse_schema_type(type)) return true;
  at_ = start;
  return fail("a type");
}

bool SchemaParser::enum_value(Schema& value) {
  const std::string_view digits = take_while([](char c) { return c == '-' || (c >= '0' && c <= '9'); });
  std::int64_t number = 0;
  std::uint64_t natural = 0;
  const char* const end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, number).ptr != end || std::to_string(number) != digits) {
    std::from_chars(digits.data(), end, natural);
    if (std::to_string(natural) != digits) return fail("an enumerator's value");
  }
  value.type = digits;
  return true;
}

bool SchemaParser::fields(Schema& schema, SchemaType type, char close) {
  do {
    SchemaField field;
    if (type.named_fields()) {
      field.name = take_while(is_name);
      if (field.name.empty() || !take(": ")) return fail("a name and ': '");
    }
    if (!(type.kind == SchemaType::Kind::kEnum ? enum_value(field.schema) : this->schema(field.schema))) return false;
    schema.fields.push_back(std::move(field));
  } while (take(", "));
  return take({&close, 1}) || fail(close == '}' ? "', ' or '}'" : "', ' or '>'");
}

bool SchemaParser::schema(Schema& schema) {
  if (depth_ == kSchemaNestingMax) return fail("fewer types in each other");
  if (!type(schema.type)) return false;
  const SchemaType type = *detail::parse_schema_type(schema.type);
  using enum SchemaType::Kind;
  if (type.kind == kRecursive && (type.count == 0 || type.count > structs_)) return fail("as many structs around it");
  ++depth_;
  if (type.kind == kStruct) ++structs_;
  if (take(type.named_fields() ? "{" : "<")) {
    if (!fields(schema, type, type.named_fields() ? '}' : '>')) return false;
  }
  if (type.kind == kStruct) --structs_;
  --depth_;
  return type.may_have(schema.fields.size()) || fail("another number of types in '" + schema.type + "'");
}

}  // namespace

Result<Schema> parse_schema(std::string_view text) {
  SchemaParser parser{text};
  Schema schema;
  if (!parser.schema(schema)) return parser.error();
  if (!parser.rest().empty()) {
    parser.fail("nothing more");
    return parser.error();
  }
  return schema;
}

EntrySchema parse_entry_schema(std::string_view text) {
  constexpr std::string_view kArrow = " -> ";
  SchemaParser parser{text};
  Schema first;
  if (!parser.schema(first)) return {};
  if (parser.rest().empty()) return {std::nullopt, std::move(first)};
  if (!parser.rest().starts_with(kArrow)) return {};
  EntrySchema entry{std::move(first), std::nullopt};
  if (Result<Schema> value = parse_schema(parser.rest().substr(kArrow.size()))) entry.value = *std::move(value);
  return entry;
}

}  // namespace millstream::inline v0
