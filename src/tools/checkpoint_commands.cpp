// checkpoint list, show and verify.
#include <fmt/format.h>

#include "millstream/codec/encode.hpp"
#include "tools/commands.hpp"
#include "tools/text.hpp"

namespace millstream::tools {
namespace {

struct ListLine {
  std::uint64_t id = 0;
  std::string status;
  std::optional<std::string> nonce, error;
  std::optional<Timestamp> written_at;
  std::optional<std::uint64_t> size_bytes, segments, stages;
};
BOOST_DESCRIBE_STRUCT(ListLine, (), (id, status, nonce, error, written_at, size_bytes, segments, stages))

ListLine list_line(std::uint64_t id, const CheckpointView& view) {
  ListLine line;
  line.id = id;
  line.status = view.became;
  if (!view.manifest) {
    line.error = view.manifest.error().message();
    return line;
  }
  const Manifest& manifest = *view.manifest;
  line.nonce = fmt::format("{:016x}", manifest.checkpoint.nonce);
  line.written_at = manifest.written_at;
  line.size_bytes = size_bytes(manifest);
  line.segments = manifest.segments.size();
  line.stages = manifest.stages.size();
  return line;
}

std::vector<std::string> row_of(const ListLine& line) {
  if (!line.nonce) return {std::to_string(line.id), "-", "-", line.status, "-", "-", "-"};
  return {std::to_string(line.id),     *line.nonce,
          to_string(*line.written_at), line.status,
          size_text(*line.size_bytes), std::to_string(*line.segments),
          std::to_string(*line.stages)};
}

void show(const Manifest& m, std::string_view became, std::string& out) {
  out += fmt::format("checkpoint {}, {}\n", m.checkpoint.to_string(), became);
  out += fmt::format("job {} ({})\n", printable(m.job_name), printable(m.job_id));
  out += fmt::format("written at {}, {} in {} segments\n", to_string(m.written_at), size_text(size_bytes(m)),
                     m.segments.size());
  out += m.parent.id == 0 ? "no parent\n" : fmt::format("parent {}\n", m.parent.to_string());
  out += fmt::format("{} key groups, watermark step {} us\n", m.key_groups, m.watermark_step.count());
  out += "\nstages\n";
  for (const StageSummary& stage : m.stages) {
    out += fmt::format("  {} ({}), {} bytes of its own\n", printable(stage.id), printable(stage.kind),
                       stage.metadata.size());
    for (const StateSchema& state : stage.states) {
      out += fmt::format("    {}/{}, number {}: {}\n", printable(stage.id), printable(state.name), state.number,
                         printable(state.schema));
    }
  }
  out += "\npositions\n";
  for (const SplitPosition& split : m.positions) {
    out += fmt::format("  {}/{}: {}{}\n", printable(split.source), printable(split.split), hexadecimal(split.position),
                       split.finished ? " finished" : "");
  }
  out += "\nfiles\n";
  if (m.base) {
    for (const FileHandle& file : m.base->files) {
      out += fmt::format("  {}, {}, base\n", printable(file.name), size_text(file.size_bytes));
    }
  }
  for (const SegmentHandle& segment : m.segments) {
    out += fmt::format("  {}, {}, shard {}, key groups {} to {}\n", printable(segment.file.name),
                       size_text(segment.file.size_bytes), segment.shard, segment.groups.first, segment.groups.end);
  }
  out += "\nprepared output\n";
  for (const PreparedHandle& prepared : m.prepared) {
    out += fmt::format("  {}: {}\n", printable(prepared.sink), hexadecimal(prepared.handle));
  }
}

}  // namespace

Status list_checkpoints(StateFolderView& folder, const Command& command, std::string& out) {
  std::vector<std::vector<std::string>> rows = {{"ID", "NONCE", "WRITTEN", "STATUS", "SIZE", "SEGMENTS", "STAGES"}};
  Status first_error = folder.marker();
  for (const auto& [id, view] : folder.checkpoints()) {
    const ListLine line = list_line(id, view);
    rows.push_back(row_of(line));
    if (command.json) {
      encode_json(line, out);
      out.push_back('\n');
    }
    if (first_error.ok()) first_error = view.manifest.error();
  }
  if (!command.json) out = rows.size() > 1 ? table(rows) : command.folder + ": no checkpoints yet\n";
  if (first_error.ok()) return {};
  return {first_error.code(), first_error.message() + "; 'millstream checkpoint verify " + command.folder +
                                  "' names the newest intact one"};
}

Status show_checkpoint(StateFolderView& folder, const Command& command, std::string& out) {
  const Result<Manifest> manifest = folder.choose(command.checkpoint);
  if (!manifest) return manifest.error();
  if (command.json) {
    out = manifest_json(*manifest) + "\n";
  } else {
    show(*manifest, folder.checkpoints().at(manifest->checkpoint.id).became, out);
  }
  return {};
}

Status verify_checkpoints(StateFolderView& folder, const Command& command, std::string& out) {
  if (command.checkpoint && !folder.checkpoints().contains(*command.checkpoint)) {
    return folder.choose(command.checkpoint).error();
  }
  Status first_error = folder.marker();
  for (const auto& [id, view] : folder.checkpoints()) {
    if (command.checkpoint && id != *command.checkpoint) continue;
    const Status verified = view.manifest ? folder.verify(*view.manifest) : view.manifest.error();
    if (verified.code() == ErrorCode::kNotFound) {
      out += fmt::format("checkpoint {}: dropped meanwhile\n", id);
      continue;
    }
    out += fmt::format("checkpoint {}, {}: {}\n", id, view.became,
                       verified.ok() ? "intact, " + size_text(size_bytes(*view.manifest)) : verified.message());
    if (first_error.ok()) first_error = verified;
  }
  const std::optional<std::uint64_t> newest = folder.newest_intact();
  out += newest
             ? fmt::format("newest intact: {}, {}\n", folder.checkpoints().at(*newest).manifest->checkpoint.to_string(),
                           folder.checkpoints().at(*newest).became)
             : "newest intact: none\n";
  if (first_error.ok()) return {};
  return {first_error.code(),
          first_error.message() + (newest ? "; a restart can accept checkpoint " + std::to_string(*newest)
                                          : "; restore the folder from where you keep copies")};
}

}  // namespace millstream::tools
