// Schemas as text, and the helpers that the template glue builds them with.
#include "millstream/codec/schema.hpp"

namespace millstream::inline v0 {
namespace {

void print(const Schema& schema, std::string& out) {
  out.append(schema.type);
  if (schema.fields.empty()) return;
  const bool named = !schema.fields.front().name.empty();
  out.push_back(named ? '{' : '<');
  std::string_view separator;
  for (const SchemaField& field : schema.fields) {
    out.append(separator);
    if (named) out.append(field.name).append(": ");
    print(field.schema, out);
    separator = ", ";
  }
  out.push_back(named ? '}' : '>');
}

}  // namespace

std::string Schema::to_string() const {
  std::string text;
  print(*this, text);
  return text;
}

bool operator==(const Schema& a, const Schema& b) { return a.type == b.type && a.fields == b.fields; }

namespace detail {

std::string number_name(bool floating, bool is_signed, std::size_t size) {
  const char* kind = floating ? "f" : is_signed ? "i" : "u";
  return kind + std::to_string(size * 8);
}

Schema simple_schema(const char* type, const SchemaHooks* hooks) { return {type, {}, hooks}; }

Schema number_schema(bool floating, bool is_signed, std::size_t size, const SchemaHooks* hooks) {
  return {number_name(floating, is_signed, size), {}, hooks};
}

std::string clock_name(std::string_view kind, std::string_view rep, std::intmax_t num, std::intmax_t den) {
  std::string name{kind};
  name.append("(").append(rep).append(" x ").append(std::to_string(num));
  if (den != 1) name.append("/").append(std::to_string(den));
  return name.append(" s)");
}

void add_field(Schema& schema, std::string_view name, Schema field) {
  schema.fields.push_back({std::string{name}, std::move(field)});
}

}  // namespace detail
}  // namespace millstream::inline v0
