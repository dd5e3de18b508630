// millstream: looks into the state folder of a job, and into savepoints.
#include <cstdio>
#include <exception>

#include "tools/commands.hpp"

namespace {

namespace ms = millstream;
using ms::tools::Command;

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
    case kStateScan:
    case kStateExport:
      return print_entries(*folder, command, out);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) try {
  int exit_code = 0;
  const std::optional<Command> command = ms::tools::parse_command(argc, argv, exit_code);
  if (!command) return exit_code;
  std::string out;
  const ms::Status status = run(*command, out);
  if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size() || std::fflush(stdout) != 0) {
    std::perror("millstream: cannot write the output");
    return 1;
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "millstream: %s\n", status.message().c_str());
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "millstream: %s\n", error.what());
  return 1;
}
