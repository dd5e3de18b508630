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
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return {ErrorCode::kUnavailable, ErrorClass::kFinal,
              "this process was fenced: another instance of the job has begun with the same transactional.id, or the "
              "transaction was open for longer than .transaction_timeout; run one instance, and give others their own "
              ".instance"};
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return {ErrorCode::kInvalidArgument, ErrorClass::kFinal,
              "the brokers' transaction.max.timeout.ms is less than .transaction_timeout: set that lower"};
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
      return {ErrorCode::kInvalidArgument, ErrorClass::kFinal, "give the job a shorter name"};
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__STATE:
      return {ErrorCode::kUnavailable, ErrorClass::kLocal,
              "the transaction is over: the job goes back to its last checkpoint, where its RestartPolicy says so"};
    case RD_KAFKA_RESP_ERR__FATAL:
      return {ErrorCode::kUnavailable, ErrorClass::kFinal, "a new run of the job begins with a new client"};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return {ErrorCode::kInvalidData, ErrorClass::kFinal,
              "a sink needs a larger message.max.bytes in .properties and max.message.bytes of the topic, a source "
              "larger fetch.message.max.bytes and receive.message.max.bytes in .properties"};
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return {ErrorCode::kInvalidData, ErrorClass::kFinal,
              "retention has deleted what was not read yet, or the topic was made anew; to go on without it set "
              ".on_out_of_range to kEarliest or kLatest"};
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
      return {ErrorCode::kUnavailable, ErrorClass::kFinal,
              "no broker has acknowledged it for message.timeout.ms: check the brokers and min.insync.replicas"};
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__UNDERFLOW:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return {ErrorCode::kInvalidData, ErrorClass::kLocal,
              "the messages are damaged, or of a form that this librdkafka does not know: check the broker's disk, and "
              "that librdkafka was built with the topic's compression"};
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_UNKNOWN:  // what a broker met and has no code for
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_FETCH_SESSION_ID_NOT_FOUND:
    case RD_KAFKA_RESP_ERR_INVALID_FETCH_SESSION_EPOCH:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
      return {ErrorCode::kUnavailable, ErrorClass::kHeals, "check that the brokers run and can be reached"};
    default:
      return {ErrorCode::kUnavailable, ErrorClass::kLocal, "the brokers' logs may say more"};
  }
}

}  // namespace

ErrorClass class_of(rd_kafka_resp_err_t code) { return meaning_of(code).error_class; }

bool is_fencing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

rd_kafka_resp_err_t code_named(std::string_view name) {
  const rd_kafka_err_desc* all = nullptr;
  std::size_t count = 0;
  rd_kafka_get_err_descs(&all, &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (all[i].name != nullptr && name == all[i].name) return all[i].code;
  }
  return RD_KAFKA_RESP_ERR_UNKNOWN;
}

Status to_status(rd_kafka_resp_err_t code, std::string_view text) {
  const Meaning meaning = meaning_of(code);
  std::string message{text.empty() ? rd_kafka_err2str(code) : text};
  message.append(" (").append(rd_kafka_err2name(code)).append("); ").append(meaning.advice);
  return {meaning.code, std::move(message)};
}

}  // namespace millstream::inline v0::kafka::detail
