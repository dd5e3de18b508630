// A source of made-up records, for demos, load tests and benchmarks; see generator/source.hpp.
#pragma once

#include "millstream/connectors/generator/source.hpp"
