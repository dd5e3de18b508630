// Declarations of states that are written by codecs, and how they answer a saved schema that is another one.
#include <utility>

#include "millstream/codec/schema_json.hpp"
#include "millstream/codec/schema_resolution.hpp"

namespace millstream::inline v0 {
namespace {

constexpr detail::SchemaHooks kFixedStruct{};

}  // namespace

StateDeclaration declare_entries(std::string name, const Schema& key, Schema value) {
  std::string key_text = key.to_string();
  std::string text = key_text + " -> " + value.to_string();
  auto evolve = [key_text = std::move(key_text),
                 value = std::move(value)](const std::string& saved) -> Result<StateConversion> {
    const EntrySchema written = parse_entry_schema(saved);
    if (!written.key || !written.value) {
      return Status{ErrorCode::kInvalidArgument, "~ value: " + saved + " -> " + value.to_string()};
    }
    if (std::string before = written.key->to_string(); before != key_text) {
      return Status{ErrorCode::kInvalidArgument,
                    "~ key: " + before + " -> " + key_text + " (it decides equality, so it cannot change)"};
    }
    return resolve_schema(*written.value, value);
  };
  return {std::move(name), std::move(text), std::move(evolve)};
}

Schema fixed_struct(std::vector<SchemaField> fields) { return {"struct", std::move(fields), &kFixedStruct}; }

std::vector<StateDeclaration> declare_only_entries(const char* name, Schema (*key)(), Schema (*value)()) {
  std::vector<StateDeclaration> all;
  all.push_back(declare_entries(name, key(), value()));
  return all;
}

}  // namespace millstream::inline v0
