// What all librdkafka clients have in common.
#include "connectors/kafka/librdkafka_handle.hpp"

#include <thread>

#include "connectors/kafka/delivery_group.hpp"
#include "connectors/kafka/errors.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

// A topic that was made a moment ago is not yet known to every broker.
constexpr std::chrono::milliseconds kUnknownTopicPatience{1000};

constexpr std::size_t kSaidMax = 100;  // messages that wait to be logged; more of them say nothing new

constexpr std::chrono::seconds kTellAgain{10};  // of the same kind of trouble

// Syslog's levels.
LogLevel level_of(int level) {
  if (level <= 3) return LogLevel::kError;
  if (level == 4) return LogLevel::kWarning;
  return LogLevel::kDebug;
}

}  // namespace

Result<std::unique_ptr<LibrdkafkaHandle>> LibrdkafkaHandle::make(rd_kafka_type_t type,
                                                                 const Configuration& configuration,
                                                                 OnDelivery on_delivery) {
  std::unique_ptr<LibrdkafkaHandle> handle{new LibrdkafkaHandle};
  const char* who = type == RD_KAFKA_CONSUMER ? "kafka source" : "kafka sink";
  std::unique_ptr<rd_kafka_conf_t, Destroyer<rd_kafka_conf_t, &rd_kafka_conf_destroy>> conf{rd_kafka_conf_new()};
  char reason[512] = "";
  std::string mistakes;
  for (const auto& [name, value] : configuration.properties) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof reason) != RD_KAFKA_CONF_OK) {
      mistakes += std::string{"\n  - "} + reason;
    }
  }
  if (!mistakes.empty()) {
    return Status{ErrorCode::kInvalidArgument,
                  std::string{who} + ": librdkafka " + rd_kafka_version_str() + " refuses properties:" + mistakes};
  }
  rd_kafka_conf_set_opaque(conf.get(), handle.get());
  rd_kafka_conf_set_error_cb(conf.get(), &on_error);
  rd_kafka_conf_set_log_cb(conf.get(), &on_log);
  if (on_delivery != nullptr) rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  handle->brokers_ = configuration.properties.at("bootstrap.servers");
  handle->client_ = rd_kafka_new(type, conf.get(), reason, sizeof reason);
  if (handle->client_ == nullptr) {
    return Status{ErrorCode::kInvalidArgument,
                  std::string{who} + ": librdkafka " + rd_kafka_version_str() + " refuses the properties: " + reason};
  }
  static_cast<void>(conf.release());  // it is the client's now
  rd_kafka_set_log_queue(handle->client_, nullptr);
  rd_kafka_queue_t* main = rd_kafka_queue_get_main(handle->client_);
  rd_kafka_queue_cb_event_enable(main, &on_main_queue, handle.get());
  rd_kafka_queue_destroy(main);
  handle->has_events_ = true;  // what came before the queue told
  return handle;
}

LibrdkafkaHandle::~LibrdkafkaHandle() {
  if (client_ == nullptr) return;
  rd_kafka_queue_t* main = rd_kafka_queue_get_main(client_);
  rd_kafka_queue_cb_event_enable(main, nullptr, nullptr);
  rd_kafka_queue_destroy(main);
  for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic.native);
  rd_kafka_destroy(client_);
}

LibrdkafkaHandle::KnownTopic LibrdkafkaHandle::known_topic(const std::string& name) {
  const std::scoped_lock lock{topics_mutex_};
  KnownTopic& topic = topics_[name];
  if (topic.native == nullptr) topic.native = rd_kafka_topic_new(client_, name.c_str(), nullptr);
  return topic;
}

void LibrdkafkaHandle::on_main_queue(rd_kafka_t* /*client*/, void* opaque) {
  static_cast<LibrdkafkaHandle*>(opaque)->announce();
}

void LibrdkafkaHandle::announce() {
  if (has_events_.exchange(true)) return;
  const std::scoped_lock lock{notify_mutex_};
  if (notify_) notify_();
}

void LibrdkafkaHandle::on_events(std::function<void()> notify) {
  const std::scoped_lock lock{notify_mutex_};
  notify_ = std::move(notify);
}

void LibrdkafkaHandle::on_error(rd_kafka_t* client, int code, const char* reason, void* opaque) {
  auto error = static_cast<rd_kafka_resp_err_t>(code);
  char text[512] = "";
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client, text, sizeof text);
    if (is_fencing(cause)) error = cause;
    reason = text;
  }
  static_cast<LibrdkafkaHandle*>(opaque)->note_error(error, reason);
}

void LibrdkafkaHandle::note_error(rd_kafka_resp_err_t code, std::string_view reason) {
  keep_error(code, reason);
  // It may come while a partition's own queue is drained, and not by the client's.
  announce();
}

void LibrdkafkaHandle::keep_error(rd_kafka_resp_err_t code, std::string_view reason) {
  if (is_fencing(code)) note_fenced();
  // "...: Disconnected (after 812ms in state UP)"; nothing was under way by one that did not come about.
  if (reason.find("in state UP") != std::string_view::npos) {
    lost_connections_.fetch_add(1, std::memory_order_relaxed);
  }
  Status status = to_status(code, reason);
  const std::scoped_lock lock{said_mutex_};
  if (class_of(code) == ErrorClass::kFinal) {
    if (final_.ok()) final_ = status.at("brokers " + brokers_);
    return;
  }
  last_trouble_ = reason;
  // With every attempt to connect the client says once more that all brokers are down.
  const auto now = std::chrono::steady_clock::now();
  const auto [told, first] = told_.try_emplace(code, now);
  if (!first && now - told->second < kTellAgain) return;
  told->second = now;
  if (said_.size() < kSaidMax) {
    said_.emplace_back(LogLevel::kWarning,
                       "kafka, brokers " + brokers_ + ": " + std::string{reason} + "; the client goes on trying");
  }
}

void LibrdkafkaHandle::on_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  auto* handle = static_cast<LibrdkafkaHandle*>(rd_kafka_opaque(client));
  if (std::string_view{facility} == "TXNERR") handle->note_failed_transaction(text);
  // Errors are told by on_error as well, and there with their code.
  if (level <= 3) return;
  handle->say(level_of(level), "librdkafka: " + std::string{facility} + ": " + text);
}

// That only an abort is left of a transaction the client says nowhere else, before it is asked to commit: messages
// would wait for their timeout. "Current transaction failed in state InTransaction: ... (UNKNOWN_TOPIC_OR_PART)".
void LibrdkafkaHandle::note_failed_transaction(std::string_view text) {
  const std::size_t thread = text.starts_with('[') ? text.find("]: ") : std::string_view::npos;
  if (thread != std::string_view::npos) text.remove_prefix(thread + 3);
  const std::size_t open = text.rfind(" (");
  std::string_view name = open == std::string_view::npos ? std::string_view{} : text.substr(open + 2);
  name = name.substr(0, name.find_first_of(",)"));
  text = text.substr(0, open);
  {
    const std::scoped_lock lock{said_mutex_};
    if (final_.ok()) final_ = to_status(code_named(name), text).at("brokers " + brokers_);
  }
  announce();
}

void LibrdkafkaHandle::say(LogLevel level, std::string text) {
  const std::scoped_lock lock{said_mutex_};
  if (said_.size() < kSaidMax) said_.emplace_back(level, std::move(text));
}

Status LibrdkafkaHandle::look() {
  has_events_.store(false, std::memory_order_seq_cst);  // first: what comes while it is served tells again
  {
    const DeliveryGroup group;
    rd_kafka_poll(client_, 0);
  }
  const std::scoped_lock lock{said_mutex_};
  return final_;
}

Status LibrdkafkaHandle::serve(const LogHook& log) {
  Status status = look();
  std::vector<std::pair<LogLevel, std::string>> said;
  {
    const std::scoped_lock lock{said_mutex_};
    said.swap(said_);
  }
  if (log) {
    for (const auto& [level, text] : said) log(level, text);
  }
  return status;
}

Status LibrdkafkaHandle::timed_out(const std::string& what) {
  const std::scoped_lock lock{said_mutex_};
  std::string message = what + ": no answer from the brokers " + brokers_;
  if (!last_trouble_.empty()) message += " (" + last_trouble_ + ")";
  return {ErrorCode::kUnavailable, message + "; check that they run and can be reached from here, and .brokers"};
}

Status LibrdkafkaHandle::metadata(rd_kafka_topic_t* topic, Deadline& deadline,
                                  const std::function<Result<Answer>(const rd_kafka_metadata_t&)>& use) {
  do {
    const rd_kafka_metadata_t* came = nullptr;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(client_, topic == nullptr ? 1 : 0, topic, &came, deadline.next_slice_ms());
    const std::unique_ptr<const rd_kafka_metadata_t, Destroyer<const rd_kafka_metadata_t, &rd_kafka_metadata_destroy>>
        answered{came};
    if (Status s = look(); !s.ok()) return s;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const Result<Answer> answer = use(*answered);
      if (!answer) return answer.error();
      if (*answer == Answer::kDone) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    } else if (class_of(code) == ErrorClass::kFinal) {
      return to_status(code, {});
    }
  } while (!deadline.over());
  return timed_out("asking for topics");
}

void LibrdkafkaHandle::forget_partitions(const rd_kafka_topic_t* topic) {
  const std::scoped_lock lock{topics_mutex_};
  for (auto& [name, known] : topics_) {
    if (known.native == topic) known.partitions = 0;
  }
}

Result<std::int32_t> LibrdkafkaHandle::partitions(const std::string& name, Deadline& deadline) {
  std::int32_t partitions = 0;
  const Deadline unknown{kUnknownTopicPatience};
  Status s = metadata(topic(name), deadline, [&](const rd_kafka_metadata_t& one) -> Result<Answer> {
    if (one.topic_cnt == 0) return Answer::kAskAgain;
    const rd_kafka_metadata_topic& found = one.topics[0];
    const bool missing = found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (class_of(found.err) != ErrorClass::kFinal || (missing && !unknown.over())) return Answer::kAskAgain;
      return to_status(found.err, missing ? "the topic does not exist" : "").at("topic '" + name + "'");
    }
    partitions = found.partition_cnt;
    return Answer::kDone;
  });
  if (!s.ok()) return s;
  const std::scoped_lock lock{topics_mutex_};
  topics_[name].partitions = partitions;
  return partitions;
}

}  // namespace millstream::inline v0::kafka::detail
