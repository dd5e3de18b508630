// The value at which a JsonReader stands, as each kind of C++ value. Scalars are taken by the parser library; only when
// it refuses one is the text looked at again, to say what is wrong with it.
#include "millstream/codec/json_reader.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "codec/json_parser.hpp"

namespace millstream::inline v0::detail {
namespace {

bool looks_like_number(std::string_view text) {
  return !text.empty() && (text.front() == '-' || (text.front() >= '0' && text.front() <= '9'));
}

/// The digits of a JSON integer, which may yet be out of range.
bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  return text.find_first_not_of("0123456789") == text.npos;
}

/// Which of a struct's fields came.
class FieldSet {
 public:
  /// False where it was there already.
  bool add(std::size_t index) {
    std::uint64_t& word = words_[index / 64];
    const std::uint64_t bit = std::uint64_t{1} << index % 64;
    const bool added = (word & bit) == 0;
    word |= bit;
    count_ += added ? 1 : 0;
    return added;
  }
  [[nodiscard]] bool has(std::size_t index) const { return (words_[index / 64] >> index % 64 & 1) != 0; }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::array<std::uint64_t, kJsonFieldsMax / 64> words_{};
  std::size_t count_ = 0;
};

/// Whether the key whose raw text starts here, behind its quote, is `name`; nothing is read at or behind `end`.
bool key_is(const char* raw, const char* end, std::string_view name) {
  return static_cast<std::size_t>(end - raw) > name.size() && std::memcmp(raw, name.data(), name.size()) == 0 &&
         raw[name.size()] == '"';
}

/// Fields usually come in the order of the struct, so the search starts at `hint`. fields.size() where there is none.
std::size_t find_field(std::span<const JsonField> fields, std::size_t hint, const char* raw, const char* end) {
  for (std::size_t i = hint; i < fields.size(); ++i) {
    if (key_is(raw, end, fields[i].name)) return i;
  }
  for (std::size_t i = 0; i < hint; ++i) {
    if (key_is(raw, end, fields[i].name)) return i;
  }
  return fields.size();
}

}  // namespace

JsonReader::JsonReader() : state_{std::make_unique<State>()} {}
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;
JsonReader::~JsonReader() = default;

bool JsonReader::fail(std::string reason) { return state_->fail_at(state_->value_column(), "", std::move(reason)); }

bool JsonReader::read_bool(bool& value) {
  return !state_->value->get_bool().get(value) || state_->expected_value("true or false");
}

bool JsonReader::read_signed(std::int64_t min, std::int64_t max, std::int64_t& value) {
  if (!state_->value->get_int64().get(value) && value >= min && value <= max) return true;
  const std::string_view text = state_->token();
  if (!is_integer(text)) return state_->expected_value("an integer");
  std::string reason;
  return parse_signed(text, min, max, value, reason) || fail(std::move(reason));
}

bool JsonReader::read_unsigned(std::uint64_t max, std::uint64_t& value) {
  if (!state_->value->get_uint64().get(value) && value <= max) return true;
  const std::string_view text = state_->token();
  if (!is_integer(text)) return state_->expected_value("an integer");
  std::string reason;
  return parse_unsigned(text, max, value, reason) || fail(std::move(reason));
}

bool JsonReader::read_floating(double& value) {
  if (!state_->value->get_double().get(value)) return true;
  const std::string_view text = state_->token();
  std::string reason;
  if (!looks_like_number(text)) return state_->expected_value("a number");
  return fail(parse_floating(text, value, reason) ? "malformed JSON: a malformed number" : std::move(reason));
}

bool JsonReader::read_floating(float& value) {
  const std::string_view text = state_->token();
  double wide = 0;  // rounding twice could be wrong in the last bit, so this only checks the grammar
  if (!read_floating(wide)) return false;
  std::string reason;
  return parse_floating(text, value, reason) || fail(std::move(reason));
}

bool JsonReader::read_string(std::string& value) {
  const std::string_view text = state_->token();
  if (!text.starts_with('"')) return state_->expected_value("a string");
  if (text.size() >= 2 && text.back() == '"' && std::memchr(text.data(), '\\', text.size()) == nullptr) {
    value.assign(text.substr(1, text.size() - 2));
    ondemand::raw_json_string taken;
    const auto code = state_->value->get_raw_json_string().get(taken);
    return !code || state_->fail_syntax(code);
  }
  std::string_view unescaped;
  const auto code = state_->value->get_string().get(unescaped);
  if (code) return fail("malformed JSON: an invalid escape in a string");
  value.assign(unescaped);
  return true;
}

bool JsonReader::read_instant(Instant& value) {
  if (!state_->token().starts_with('"')) return state_->expected_value("an RFC 3339 instant");
  std::string_view text;
  std::string reason;
  if (state_->value->get_string().get(text)) return fail("malformed JSON: an invalid escape in a string");
  return parse_instant(text, value, reason) || fail(std::move(reason));
}

bool JsonReader::read_enum(std::span<const EnumName> names, std::int64_t& value) {
  if (!state_->token().starts_with('"')) return state_->expected_value("the name of an enumerator, a string");
  std::string_view text;
  std::string reason;
  if (state_->value->get_string().get(text)) return fail("malformed JSON: an invalid escape in a string");
  return parse_enum(text, names, value, reason) || fail(std::move(reason));
}

bool JsonReader::is_null() {
  if (state_->token() != "null") return false;
  // Takes the value too; its result is a bool in some releases of the library and a simdjson_result in others.
  static_cast<void>(state_->value->is_null());
  return true;
}

bool JsonReader::read_object(std::span<const JsonField> fields, void* object) {
  State& s = *state_;
  ondemand::value* const outer = s.value;
  const std::size_t object_column = s.value_column();
  if (outer != nullptr && s.token().front() != '{') return s.expected_value("an object");
  if (!s.enter()) return false;
  ondemand::object members;
  const auto opened = outer == nullptr ? s.document.get_object().get(members) : outer->get_object().get(members);
  if (opened) return s.fail_syntax(opened);

  FieldSet seen;
  std::size_t hint = 0;
  const char* const end = s.buffer.get() + s.size;
  for (auto member : members) {
    ondemand::field field;
    if (const auto code = std::move(member).get(field); code) return s.fail_syntax(code);
    const char* raw = field.key().raw();
    std::size_t index = find_field(fields, hint, raw, end);
    if (index == fields.size()) {
      std::string_view key;
      if (field.unescaped_key().get(key)) {
        return s.fail_at(s.column(raw - 1), "", "malformed JSON: an invalid escape in a string");
      }
      for (index = 0; index < fields.size() && fields[index].name != key; ++index) {
      }
      if (index == fields.size()) return s.fail_at(s.column(raw - 1), std::string{key}, "unknown field");
    }
    const JsonField& target = fields[index];
    if (!seen.add(index)) return s.fail_at(s.column(raw - 1), std::string{target.name}, "the field comes twice");
    hint = index + 1;
    s.value = &field.value();
    const bool good = target.read(*this, object);
    s.value = outer;
    if (!good) return s.fail_inside(target.name);
  }
  s.leave();
  if (seen.count() == fields.size()) return true;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (seen.has(i)) continue;
    if (!fields[i].optional) return s.fail_at(object_column, std::string{fields[i].name}, "the field is missing");
    fields[i].reset(object);
  }
  return true;
}

bool JsonReader::read_array(void* context, bool (*element)(JsonReader& reader, void* context, std::size_t index)) {
  State& s = *state_;
  ondemand::value* const outer = s.value;
  if (s.token().front() != '[') return s.expected_value("an array");
  if (!s.enter()) return false;
  ondemand::array elements;
  if (const auto code = outer->get_array().get(elements); code) return s.fail_syntax(code);
  std::size_t index = 0;
  for (auto item : elements) {
    ondemand::value current;
    if (const auto code = std::move(item).get(current); code) return s.fail_syntax(code);
    s.value = &current;
    const bool good = element(*this, context, index);
    s.value = outer;
    if (!good) return s.fail_inside("[" + std::to_string(index) + "]");
    ++index;
  }
  s.leave();
  return true;
}

bool JsonReader::read_tuple(std::size_t count, void* context,
                            bool (*element)(JsonReader& reader, void* context, std::size_t index)) {
  struct Counted {
    std::size_t count;
    void* context;
    bool (*element)(JsonReader& reader, void* context, std::size_t index);
    std::size_t taken = 0;
  } counted{count, context, element};
  const auto take = [](JsonReader& reader, void* inner, std::size_t index) {
    auto& c = *static_cast<Counted*>(inner);
    if (index >= c.count) return reader.fail("expected " + std::to_string(c.count) + " elements, found more");
    ++c.taken;
    return c.element(reader, c.context, index);
  };
  const std::size_t at = state_->value_column();
  if (!read_array(&counted, take)) return false;
  return counted.taken == count ||
         state_->fail_at(at, "",
                         "expected " + std::to_string(count) + " elements, found " + std::to_string(counted.taken));
}

bool JsonReader::read_map(void* context, bool (*entry)(JsonReader& reader, void* context, std::string_view key)) {
  State& s = *state_;
  ondemand::value* const outer = s.value;
  if (s.token().front() != '{') return s.expected_value("an object");
  if (!s.enter()) return false;
  ondemand::object members;
  if (const auto code = outer->get_object().get(members); code) return s.fail_syntax(code);
  for (auto member : members) {
    ondemand::field field;
    if (const auto code = std::move(member).get(field); code) return s.fail_syntax(code);
    const char* raw = field.key().raw();
    std::string_view key;
    if (field.unescaped_key().get(key)) {
      return s.fail_at(s.column(raw - 1), "", "malformed JSON: an invalid escape in a string");
    }
    s.value = &field.value();
    const bool good = entry(*this, context, key);
    s.value = outer;
    if (!good) return s.fail_inside(key);
  }
  s.leave();
  return true;
}

}  // namespace millstream::inline v0::detail
