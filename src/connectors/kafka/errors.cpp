// The table of errors.
#include "connectors/kafka/errors.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

struct Meaning {
  ErrorCode code;
  ErrorClass error_class;
  std::string_view advice;  // behind the text of the client
};

Meaning meaning_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return {ErrorCode::kUnavailable, ErrorClass::kFinal,
              "the broker refuses the credentials: check sasl.mechanism, sasl.username, sasl.password and "
              "security.protocol in .properties"};
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
      return {ErrorCode::kInvalidArgument, ErrorClass::kFinal,
              "the broker does not have this mechanism: check sasl.mechanism in .properties"};
    case RD_KAFKA_RESP_ERR__SSL:
      return {ErrorCode::kUnavailable, ErrorClass::kFinal,
              "the TLS connection cannot be made: check ssl.ca.location, ssl.certificate.location and "
              "security.protocol in .properties, and that the broker's certificate names this host"};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return {ErrorCode::kUnavailable, ErrorClass::kFinal, "this user may not do that: ask for the access right"};
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return {ErrorCode::kNotFound, ErrorClass::kFinal, "create it, or correct its name"};
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return {ErrorCode::kInvalidArgument, ErrorClass::kFinal, "correct the name of the topic"};
    case RD_KAFKA_RESP_ERR__FATAL:
      return {ErrorCode::kUnavailable, ErrorClass::kFinal, "a new run of the job begins with a new client"};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return {ErrorCode::kInvalidData, ErrorClass::kFinal,
              "raise message.max.bytes in .properties and max.message.bytes of the topic, or write smaller records"};
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return {ErrorCode::kInvalidData, ErrorClass::kFinal,
              "retention has deleted what was not read yet, or the topic was made anew; to go on without it set "
              ".on_out_of_range to kEarliest or kLatest"};
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
      return {ErrorCode::kUnavailable, ErrorClass::kFinal,
              "no broker has acknowledged it for message.timeout.ms: check the brokers and min.insync.replicas"};
    default:
      return {ErrorCode::kUnavailable, ErrorClass::kHeals, "check that the brokers run and can be reached"};
  }
}

}  // namespace

ErrorClass class_of(rd_kafka_resp_err_t code) { return meaning_of(code).error_class; }

Status to_status(rd_kafka_resp_err_t code, std::string_view text) {
  const Meaning meaning = meaning_of(code);
  std::string message{text.empty() ? rd_kafka_err2str(code) : text};
  message.append(" (").append(rd_kafka_err2name(code)).append("); ").append(meaning.advice);
  return {meaning.code, std::move(message)};
}

}  // namespace millstream::inline v0::kafka::detail
