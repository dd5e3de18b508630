// Sources and sinks in memory, for tests and for every first program:
//   auto out = ms::memory::sink<int>();
//   flow.from(ms::memory::source(std::vector{1, 2, 3})).to(out);
//   ms::run(flow);  out.records();
#pragma once

#include "millstream/connectors/memory/sink.hpp"
#include "millstream/connectors/memory/source.hpp"
