// All handles of keyed state and timers that an operator may hold.
#pragma once

#include "millstream/state/aggregating_state.hpp"
#include "millstream/state/list_state.hpp"
#include "millstream/state/map_state.hpp"
#include "millstream/state/timers.hpp"
#include "millstream/state/value_state.hpp"
