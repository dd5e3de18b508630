// The commands of the tool: each prints what it found, and its error goes to whoever called.
#pragma once

#include <functional>
#include <string>

#include "millstream/core/status.hpp"
#include "tools/command_line.hpp"
#include "tools/state_folder_view.hpp"

namespace millstream::tools {

/// Each appends to `out` what goes to the standard output, also where it returns an error.
Status list_checkpoints(StateFolderView& folder, const Command& command, std::string& out);
Status show_checkpoint(StateFolderView& folder, const Command& command, std::string& out);
Status verify_checkpoints(StateFolderView& folder, const Command& command, std::string& out);
Status diff_checkpoints(StateFolderView& folder, const Command& command, std::string& out);
Status list_states(StateFolderView& folder, const Command& command, std::string& out);
Status get_entry(StateFolderView& folder, const Command& command, std::string& out);
/// The first by key group and key.
Status scan_entries(StateFolderView& folder, const Command& command, std::string& out);
/// In the order of the segments. Hands `out` to `write` whenever it has grown, so that a state larger than memory can
/// be exported.
Status export_entries(StateFolderView& folder, const Command& command, std::string& out,
                      const std::function<Status(std::string& out)>& write);

}  // namespace millstream::tools
