// Kafka topics as sources and sinks. Its own library: link millstream::kafka.
#pragma once

#include "millstream/connectors/kafka/format.hpp"
#include "millstream/connectors/kafka/message.hpp"
#include "millstream/connectors/kafka/options.hpp"
#include "millstream/connectors/kafka/sink.hpp"
#include "millstream/connectors/kafka/source.hpp"
#include "millstream/connectors/kafka/start.hpp"
