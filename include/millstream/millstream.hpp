// Everything a program needs to declare and run a dataflow; connectors have headers of their own below connectors/.
#pragma once

#include "millstream/connectors/memory.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/stream/dataflow.hpp"
#include "millstream/stream/keyed_stream.hpp"
#include "millstream/stream/stream.hpp"
#include "millstream/stream/windowed_stream.hpp"
#include "millstream/window/aggregates.hpp"
