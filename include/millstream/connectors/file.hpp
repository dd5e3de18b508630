// Files, standard input and standard output as sources and sinks: JSON lines and CSV, plain and compressed.
#pragma once

#include "millstream/connectors/file/format.hpp"
#include "millstream/connectors/file/sink.hpp"
#include "millstream/connectors/file/source.hpp"
#include "millstream/connectors/file/stdio.hpp"
