// state list, get, scan and export.
#include <fmt/format.h>

#include "millstream/codec/encode.hpp"
#include "millstream/codec/schema_json.hpp"
#include "tools/commands.hpp"
#include "tools/entries.hpp"
#include "tools/text.hpp"

namespace millstream::tools {
namespace {

struct StateLine {
  std::string state;
  std::string kind;
  std::uint64_t entries = 0;
  std::string schema;
};
BOOST_DESCRIBE_STRUCT(StateLine, (), (state, kind, entries, schema))

/// By its schema, or as hexadecimal digits where it has none that fits.
std::string json_of(const std::optional<Schema>& schema, std::string_view bytes) {
  std::string json;
  if (schema && bytes_to_json(*schema, bytes, json)) return json;
  return "{\"hex\":\"" + hexadecimal(bytes) + "\"}";
}

const StateSchema* find_state(const Manifest& manifest, std::string_view name, std::string& known) {
  for (const StageSummary& stage : manifest.stages) {
    for (const StateSchema& state : stage.states) {
      const std::string path = stage.id + "/" + state.name;
      if (path == name) return &state;
      known += (known.empty() ? "" : ", ") + printable(path);
    }
  }
  return nullptr;
}

}  // namespace

Status list_states(StateFolderView& folder, const Command& command, std::string& out) {
  const Result<Manifest> manifest = folder.choose(command.checkpoint);
  if (!manifest) return manifest.error();
  Result<Entries> entries = read_entries(folder.store(), *manifest, KeepValues::kChecksum);
  if (!entries) return entries.error();
  std::vector<std::vector<std::string>> rows = {{"STATE", "KIND", "ENTRIES", "SCHEMA"}};
  for (const StageSummary& stage : manifest->stages) {
    for (const StateSchema& state : stage.states) {
      const StateLine line{stage.id + "/" + state.name, stage.kind, entries->states[state.number].size(), state.schema};
      rows.push_back(
          {printable(line.state), printable(line.kind), std::to_string(line.entries), printable(line.schema)});
      if (!command.json) continue;
      encode_json(line, out);
      out.push_back('\n');
    }
  }
  if (!command.json) out = table(rows);
  return {};
}

Status print_entries(StateFolderView& folder, const Command& command, std::string& out) {
  const Result<Manifest> manifest = folder.choose(command.checkpoint);
  if (!manifest) return manifest.error();
  const std::string place = "checkpoint " + manifest->checkpoint.to_string() + ": ";
  std::string known;
  const StateSchema* const state = find_state(*manifest, command.state, known);
  if (state == nullptr) {
    return {ErrorCode::kNotFound,
            place + "there is no state " + printable(command.state) + "; it has " + (known.empty() ? "none" : known)};
  }
  const Result<Entries> entries = read_entries(folder.store(), *manifest, KeepValues::kWhole, state->number);
  if (!entries) return entries.error();
  const EntrySchema schema = parse_entry_schema(state->schema);
  const bool get = command.verb == Command::Verb::kStateGet;
  std::uint64_t printed = 0;
  const auto found = entries->states.find(state->number);
  if (found != entries->states.end()) {
    for (const auto& [key, value] : found->second) {
      const std::string key_json = json_of(schema.key, key.key);
      if (get && key_json != command.key) continue;
      if (command.verb == Command::Verb::kStateScan && printed == command.entries_max) break;
      ++printed;
      out.push_back('{');
      if (command.verb == Command::Verb::kStateExport) {
        out.append("\"state\":");
        encode_json(command.state, out);
        out.append(fmt::format(",\"key_group\":{},", key.key_group));
      }
      out.append("\"key\":").append(key_json).append(",\"value\":").append(json_of(schema.value, value)).append("}\n");
    }
  }
  if (!get || printed > 0) return {};
  return {ErrorCode::kNotFound, place + printable(command.state) + " has no key " + command.key +
                                    "; 'millstream state scan " + command.folder + " " + printable(command.state) +
                                    "' shows how keys look"};
}

}  // namespace millstream::tools
