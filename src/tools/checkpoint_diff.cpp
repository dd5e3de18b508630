// checkpoint diff: two manifests, and the entries of both.
#include <fmt/format.h>

#include <map>
#include <set>

#include "tools/commands.hpp"
#include "tools/entries.hpp"
#include "tools/text.hpp"

namespace millstream::tools {
namespace {

using Lines = std::map<std::string, std::string>;  // what is compared, as text, by its name

/// What is only in one of them, and what differs, under a head.
void diff(std::string_view head, const Lines& from, const Lines& to, std::string& out) {
  std::string changes;
  for (const auto& [name, text] : from) {
    const auto now = to.find(name);
    if (now == to.end()) {
      changes += fmt::format("  {}: {}, gone\n", name, text);
    } else if (now->second != text) {
      changes += fmt::format("  {}: {} -> {}\n", name, text, now->second);
    }
  }
  for (const auto& [name, text] : to) {
    if (!from.contains(name)) changes += fmt::format("  {}: {}, new\n", name, text);
  }
  out += fmt::format("{}\n{}", head, changes.empty() ? "  unchanged\n" : changes);
}

Lines positions_of(const Manifest& manifest) {
  Lines lines;
  for (const SplitPosition& split : manifest.positions) {
    lines[printable(split.source) + "/" + printable(split.split)] =
        hexadecimal(split.position) + (split.finished ? " finished" : "");
  }
  return lines;
}

/// Watermarks are in what each stage of each shard keeps beside its state.
Lines watermarks_of(const Manifest& manifest, const Entries& entries) {
  Lines lines{{"step", fmt::format("{} us", manifest.watermark_step.count())}};
  for (const StageSummary& stage : manifest.stages) lines[printable(stage.id)] = hexadecimal(stage.metadata);
  for (const auto& [place, bytes] : entries.metadata) {
    lines[fmt::format("{}, shard {}", printable(place.first), place.second)] = hexadecimal(bytes);
  }
  return lines;
}

std::map<std::string, std::uint32_t> states_of(const Manifest& manifest) {
  std::map<std::string, std::uint32_t> numbers;
  for (const StageSummary& stage : manifest.stages) {
    for (const StateSchema& state : stage.states) numbers[stage.id + "/" + state.name] = state.number;
  }
  return numbers;
}

std::string count_changes(const std::map<EntryKey, std::string>& from, const std::map<EntryKey, std::string>& to) {
  std::size_t removed = 0;
  std::size_t changed = 0;
  for (const auto& [key, value] : from) {
    const auto now = to.find(key);
    ++(now == to.end() ? removed : changed);
    if (now != to.end() && now->second == value) --changed;
  }
  const std::size_t added = to.size() - (from.size() - removed);
  return fmt::format("{} added, {} removed, {} changed", added, removed, changed);
}

}  // namespace

Status diff_checkpoints(StateFolderView& folder, const Command& command, std::string& out) {
  const Result<Manifest> from = folder.choose(command.checkpoint);
  if (!from) return from.error();
  const Result<Manifest> to = folder.choose(command.other);
  if (!to) return to.error();
  Result<Entries> before = read_checksums(folder.store(), *from);
  if (!before) return before.error();
  Result<Entries> after = read_checksums(folder.store(), *to);
  if (!after) return after.error();

  out += fmt::format("checkpoint {} -> {}\n", from->checkpoint.to_string(), to->checkpoint.to_string());
  diff("positions", positions_of(*from), positions_of(*to), out);
  diff("watermark and stages' own bytes", watermarks_of(*from, *before), watermarks_of(*to, *after), out);
  const std::map<std::string, std::uint32_t> old_states = states_of(*from);
  const std::map<std::string, std::uint32_t> new_states = states_of(*to);
  std::set<std::string> names;
  for (const auto& [name, number] : old_states) names.insert(name);
  for (const auto& [name, number] : new_states) names.insert(name);
  out += "states\n";
  for (const std::string& name : names) {
    const auto old_state = old_states.find(name);
    const auto new_state = new_states.find(name);
    out += fmt::format(
        "  {}: {}\n", printable(name),
        count_changes(
            old_state == old_states.end() ? std::map<EntryKey, std::string>{} : before->states[old_state->second],
            new_state == new_states.end() ? std::map<EntryKey, std::string>{} : after->states[new_state->second]));
  }
  return {};
}

}  // namespace millstream::tools
