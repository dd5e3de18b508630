// DeadLetter: a record that could not be used, with everything needed to look at it and to send it again; and the
// policies that decide whether such a record stops the job, is counted, or becomes a dead letter.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millstream/channel/side_outputs.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/io/record_header.hpp"

namespace millstream::inline v0 {

/// What a stage or a decoder does with a record that it cannot use.
enum class OnError {
  kFail,        ///< the job stops with an error that names the record
  kSkip,        ///< the record is dropped and counted
  kDeadLetter,  ///< as kSkip, and the record goes to the side output `dead_letters` of the stage
};

/// What a message of a log (Kafka) is beside its value.
struct OriginalMessage {
  std::string topic = {};
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  Timestamp timestamp = {};  ///< whole milliseconds
  std::optional<std::string> key = {};
  std::vector<RecordHeader> headers = {};
  bool has_value = true;  ///< a message without is a tombstone
  friend bool operator==(const OriginalMessage&, const OriginalMessage&) = default;
};
BOOST_DESCRIBE_STRUCT(OriginalMessage, (), (topic, partition, offset, timestamp, key, headers, has_value))

/// One unusable record.
struct DeadLetter {
  std::string bytes;         ///< the record as it was read; empty where it never had bytes
  std::string source;        ///< file, topic, or name of the source
  std::uint64_t line = 0;    ///< 1-based line in the file; 0 where there are none
  std::uint64_t column = 0;  ///< 1-based byte of the record's line at which the fault stands; 0 = unknown
  std::string field;         ///< the field at fault, or empty
  std::string stage;         ///< the stage that could not use it
  std::string reason;        ///< what is wrong, in words
  /// Where the record was read as a message, whose value is in `bytes`.
  std::optional<OriginalMessage> message = {};
  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};
BOOST_DESCRIBE_STRUCT(DeadLetter, (), (bytes, source, line, column, field, stage, reason, message))

/// The side output of a source or stage whose policy is kDeadLetter:
///   payments.side_output(ms::dead_letters).to(...)
inline const OutputTag<DeadLetter> dead_letters{"dead_letters"};

}  // namespace millstream::inline v0
