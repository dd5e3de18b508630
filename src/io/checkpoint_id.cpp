// The text form of a checkpoint's name, the same in messages and in the marker of the decision.
#include "millstream/io/checkpoint_id.hpp"

#include <fmt/format.h>

namespace millstream::inline v0 {

std::string CheckpointId::to_string() const { return fmt::format("{} (nonce {:016x})", id, nonce); }

}  // namespace millstream::inline v0
