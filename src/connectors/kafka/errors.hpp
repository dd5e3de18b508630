// Errors of librdkafka as Status: what it means and what to do.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>
#include <string_view>

#include "millstream/core/status.hpp"

namespace millstream::inline v0::kafka::detail {

/// How an error is dealt with.
enum class ErrorClass {
  kHeals,  ///< the client goes on trying by itself
  kFinal,  ///< trying on changes nothing
  /// Final for the partition that it comes from: there it may stand for messages that nobody will see. The client as a
  /// whole goes on.
  kLocal,
};
[[nodiscard]] ErrorClass class_of(rd_kafka_resp_err_t code);
/// Another producer has taken the transactional.id over, or brokers have aborted the transaction for its age: clients
/// cannot tell which.
[[nodiscard]] bool is_fencing(rd_kafka_resp_err_t code);
/// The code of that name ("UNKNOWN_TOPIC_OR_PART"); RD_KAFKA_RESP_ERR_UNKNOWN where there is none.
[[nodiscard]] rd_kafka_resp_err_t code_named(std::string_view name);

/// `text` is librdkafka's; "cause; what to do".
[[nodiscard]] Status to_status(rd_kafka_resp_err_t code, std::string_view text);

}  // namespace millstream::inline v0::kafka::detail
