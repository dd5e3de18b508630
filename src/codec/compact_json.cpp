// Any JSON text in the one spelling that encode_json has.
#include <simdjson.h>

#include "millstream/codec/encode.hpp"
#include "millstream/codec/schema_json.hpp"

namespace millstream::inline v0 {
namespace {

namespace dom = simdjson::dom;

// The parser has bounded the nesting.
void print(dom::element value, std::string& out) {
  switch (value.type()) {
    case dom::element_type::OBJECT: {
      out.push_back('{');
      bool first = true;
      for (const dom::key_value_pair field : dom::object{value}) {
        if (!first) out.push_back(',');
        first = false;
        encode_json(field.key, out);
        out.push_back(':');
        print(field.value, out);
      }
      out.push_back('}');
      return;
    }
    case dom::element_type::ARRAY: {
      out.push_back('[');
      bool first = true;
      for (const dom::element element : dom::array{value}) {
        if (!first) out.push_back(',');
        first = false;
        print(element, out);
      }
      out.push_back(']');
      return;
    }
    case dom::element_type::STRING:
      return encode_json(std::string_view{value}, out);
    case dom::element_type::INT64:
      return encode_json(std::int64_t{value}, out);
    case dom::element_type::UINT64:
      return encode_json(std::uint64_t{value}, out);
    case dom::element_type::DOUBLE:
      return encode_json(double{value}, out);
    case dom::element_type::BOOL:
      return encode_json(bool{value}, out);
    default:
      out.append("null");
  }
}

}  // namespace

Result<std::string> compact_json(std::string_view text) {
  dom::parser parser;
  dom::element value;
  simdjson::error_code error = parser.allocate(text.size(), kSchemaNestingMax);
  if (error == simdjson::SUCCESS) error = parser.parse(text.data(), text.size()).get(value);
  if (error != simdjson::SUCCESS) {
    return Status{ErrorCode::kInvalidArgument, std::string{"this is no JSON: "} + simdjson::error_message(error)};
  }
  std::string out;
  print(value, out);
  return out;
}

}  // namespace millstream::inline v0
