// Special members of stages, compiled once.
#include "millstream/channel/stage.hpp"

namespace millstream::inline v0 {

Stage::Stage() = default;
Stage::~Stage() = default;

}  // namespace millstream::inline v0
