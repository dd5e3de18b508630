// The command line of the tool.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace millstream::tools {

struct Command {
  enum class Verb {
    kCheckpointList,
    kCheckpointShow,
    kCheckpointVerify,
    kCheckpointDiff,
    kStateList,
    kStateGet,
    kStateScan,
    kStateExport
  };
  Verb verb = Verb::kCheckpointList;
  std::string folder;
  std::optional<std::uint64_t> checkpoint;  ///< nothing = what the verb takes by itself
  std::uint64_t other = 0;                  ///< of diff: the later one
  std::string state;                        ///< "stage/state"
  std::string key;                          ///< compact JSON
  std::uint64_t entries_max = 100;
  bool json = false;
};

/// Reads the command line. Nothing: the program shall end with `exit_code`, for what there was to say has been said.
std::optional<Command> parse_command(int argc, char** argv, int& exit_code);

}  // namespace millstream::tools
