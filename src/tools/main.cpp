// millstream: looks into the state folder of a job, and into savepoints.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "tools/commands.hpp"

namespace {

namespace ms = millstream;
using ms::tools::Command;

/// Empties `out`.
ms::Status write(std::string& out) {
  const bool written = std::fwrite(out.data(), 1, out.size(), stdout) == out.size() && std::fflush(stdout) == 0;
  out.clear();
  if (written) return {};
  return {ms::ErrorCode::kIo, std::string{"cannot write the output: "} + std::strerror(errno)};
}

ms::Status run(const Command& command, std::string& out) {
  using enum Command::Verb;
  ms::Result<ms::tools::StateFolderView> folder = ms::tools::StateFolderView::open(command.folder);
  if (!folder) return folder.error();
  switch (command.verb) {
    case kCheckpointList:
      return list_checkpoints(*folder, command, out);
    case kCheckpointShow:
      return show_checkpoint(*folder, command, out);
    case kCheckpointVerify:
      return verify_checkpoints(*folder, command, out);
    case kCheckpointDiff:
      return diff_checkpoints(*folder, command, out);
    case kStateList:
      return list_states(*folder, command, out);
    case kStateGet:
      return get_entry(*folder, command, out);
    case kStateScan:
      return scan_entries(*folder, command, out);
    case kStateExport:
      return export_entries(*folder, command, out, write);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) try {
  int exit_code = 0;
  const std::optional<Command> command = ms::tools::parse_command(argc, argv, exit_code);
  if (!command) return exit_code;
  std::string out;
  ms::Status status = run(*command, out);
  if (const ms::Status written = write(out); status.ok()) status = written;
  if (status.ok()) return 0;
  std::fprintf(stderr, "millstream: %s\n", status.message().c_str());
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "millstream: %s\n", error.what());
  return 1;
}
