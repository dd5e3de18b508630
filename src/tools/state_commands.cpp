// state list, get, scan and export.
#include <fmt/format.h>

#include <iterator>
#include <map>

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

/// A state of a checkpoint, by its name.
struct ChosenState {
  Manifest manifest;
  std::uint32_t number = 0;
  EntrySchema schema = {};
  std::string place;  ///< how an error begins
};

Result<ChosenState> choose_state(StateFolderView& folder, const Command& command) {
  Result<Manifest> manifest = folder.choose(command.checkpoint);
  if (!manifest) return manifest.error();
  const std::string place = "checkpoint " + manifest->checkpoint.to_string() + ": ";
  std::string known;
  for (const StageSummary& stage : manifest->stages) {
    for (const StateSchema& state : stage.states) {
      const std::string path = stage.id + "/" + state.name;
      if (path == command.state) return ChosenState{*manifest, state.number, parse_entry_schema(state.schema), place};
      known += (known.empty() ? "" : ", ") + printable(path);
    }
  }
  return Status{ErrorCode::kNotFound, place + "there is no state " + printable(command.state) + "; it has " +
                                          (known.empty() ? "none" : known)};
}

std::string key_and_value(const ChosenState& state, const std::string& key_json, std::string_view value) {
  return "\"key\":" + key_json + ",\"value\":" + json_of(state.schema.value, value) + "}\n";
}

}  // namespace

Status list_states(StateFolderView& folder, const Command& command, std::string& out) {
  const Result<Manifest> manifest = folder.choose(command.checkpoint);
  if (!manifest) return manifest.error();
  Result<std::map<std::uint32_t, std::uint64_t>> counts = count_entries(folder.store(), *manifest);
  if (!counts) return counts.error();
  std::vector<std::vector<std::string>> rows = {{"STATE", "KIND", "ENTRIES", "SCHEMA"}};
  for (const StageSummary& stage : manifest->stages) {
    for (const StateSchema& state : stage.states) {
      const StateLine line{stage.id + "/" + state.name, stage.kind, (*counts)[state.number], state.schema};
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

Status get_entry(StateFolderView& folder, const Command& command, std::string& out) {
  const Result<ChosenState> state = choose_state(folder, command);
  if (!state) return state.error();
  // A key may have an entry in each of several windows.
  std::map<EntryKey, std::string> found;
  const Status read =
      visit_entries(folder.store(), state->manifest, state->number,
                    [&](std::uint32_t key_group, std::string_view key, std::string_view value) -> Status {
                      if (json_of(state->schema.key, key) == command.key) found[{key_group, std::string{key}}] = value;
                      return {};
                    });
  if (!read.ok()) return read;
  for (const auto& [key, value] : found) out.append("{").append(key_and_value(*state, command.key, value));
  if (!found.empty()) return {};
  return {ErrorCode::kNotFound, state->place + printable(command.state) + " has no key " + command.key +
                                    "; 'millstream state scan " + command.folder + " " + printable(command.state) +
                                    "' shows how keys look"};
}

Status scan_entries(StateFolderView& folder, const Command& command, std::string& out) {
  const Result<ChosenState> state = choose_state(folder, command);
  if (!state) return state.error();
  std::map<EntryKey, std::string> first;
  const Status read =
      visit_entries(folder.store(), state->manifest, state->number,
                    [&](std::uint32_t key_group, std::string_view key, std::string_view value) -> Status {
                      first[{key_group, std::string{key}}] = value;
                      if (first.size() > command.entries_max) first.erase(std::prev(first.end()));
                      return {};
                    });
  if (!read.ok()) return read;
  for (const auto& [key, value] : first) {
    out.append("{").append(key_and_value(*state, json_of(state->schema.key, key.key), value));
  }
  return {};
}

Status export_entries(StateFolderView& folder, const Command& command, std::string& out,
                      const std::function<Status(std::string& out)>& write) {
  constexpr std::size_t kWriteBytes = 1U << 20;
  const Result<ChosenState> state = choose_state(folder, command);
  if (!state) return state.error();
  std::string name;
  encode_json(command.state, name);
  return visit_entries(folder.store(), state->manifest, state->number,
                       [&](std::uint32_t key_group, std::string_view key, std::string_view value) -> Status {
                         out.append(fmt::format("{{\"state\":{},\"key_group\":{},", name, key_group));
                         out.append(key_and_value(*state, json_of(state->schema.key, key), value));
                         return out.size() < kWriteBytes ? Status{} : write(out);
                       });
}

}  // namespace millstream::tools
