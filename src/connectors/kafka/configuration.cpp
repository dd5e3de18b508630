// The settings themselves. Why each is as it is stands beside it.
#include "connectors/kafka/configuration.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/connectors/kafka/client.hpp"
#include "millstream/connectors/kafka/source.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

using Settings = std::map<std::string, std::string>;

/// A property that users may not set, and what they do instead.
struct Owned {
  std::string_view name;
  std::string_view instead;
};

constexpr std::array kOwnedByBoth{
    Owned{"bootstrap.servers", "it is .brokers"},
    Owned{"metadata.broker.list", "it is .brokers"},
    Owned{"log.queue", "log messages go to the job's log hook"},
    Owned{"transactional.id", "transactions belong to the engine: it is \"ms-<job>-<.instance of the sink>\""},
    Owned{"transaction.timeout.ms", "it is .transaction_timeout of the sink"},
    Owned{"group.instance.id", "partitions are shared by .instance and .instances, not by a group"},
};
constexpr std::array kOwnedBySource{
    Owned{"group.id", "it is .group"},
    Owned{"enable.auto.commit", "how far the job is stands in its checkpoints"},
    Owned{"auto.commit.enable", "how far the job is stands in its checkpoints"},
    Owned{"enable.auto.offset.store", "how far the job is stands in its checkpoints"},
    Owned{"auto.offset.reset", "it is .start, and .on_out_of_range for what is not there any more"},
    Owned{"isolation.level", "it is .read_uncommitted"},
    Owned{"enable.partition.eof", "the source needs it to know where a partition ends"},
    Owned{"queued.max.messages.kbytes", "it is .fetch_bytes_max"},
    Owned{"queued.min.messages", "fetched messages are limited by their bytes: .fetch_bytes_max"},
};
constexpr std::array kOwnedBySink{
    Owned{"queue.buffering.max.messages", "it is .buffer_bytes_max"},
    Owned{"queue.buffering.max.kbytes", "it is .buffer_bytes_max"},
    Owned{"delivery.report.only.error", "the sink needs to know what was delivered"},
    Owned{"queuing.strategy", "records of one key keep their order"},
};

constexpr std::array kOwnedByTransactions{
    Owned{"enable.idempotence", "transactions are idempotent; set .guarantee to Guarantee::kAtLeastOnce to do without"},
    Owned{"acks", "a transaction waits for all replicas"},
    Owned{"request.required.acks", "a transaction waits for all replicas"},
};

constexpr std::size_t kFetchKbytesMin = 1024;  // less than a broker sends at once would be reached by every fetch
constexpr std::array<std::string_view, 13> kConnecting{
    "sasl.",      "ssl.",   "enable.ssl.", "enable.sasl.", "security.",    "socket.", "broker.",
    "reconnect.", "retry.", "client.",     "connections.", "api.version.", "debug"};
constexpr std::chrono::milliseconds kTransactionTimeoutMin{1000};
constexpr std::size_t kFetchKbytesMax = 2'000'000;  // librdkafka takes up to 2,097,151

// A newer client may have secrets of which nobody here knows: what has to do with security is shown only where its name
// is in this list, and what looks like a secret never is.
bool is_shown(std::string_view name) {
  constexpr std::array<std::string_view, 18> kKnown{
      "sasl.mechanism",
      "sasl.mechanisms",
      "sasl.username",
      "sasl.kerberos.principal",
      "sasl.kerberos.service.name",
      "sasl.oauthbearer.client.id",
      "sasl.oauthbearer.method",
      "sasl.oauthbearer.scope",
      "sasl.oauthbearer.token.endpoint.url",
      "ssl.ca.location",
      "ssl.certificate.location",
      "ssl.cipher.suites",
      "ssl.crl.location",
      "ssl.curves.list",
      "ssl.endpoint.identification.algorithm",
      "ssl.key.location",
      "ssl.keystore.location",
      "ssl.sigalgs.list",
  };
  if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) return true;
  if (name.starts_with("sasl.") || name.starts_with("ssl.")) return false;
  constexpr std::array kSecret{"password", "passphrase", "secret", "token", ".pem"};
  return std::none_of(kSecret.begin(), kSecret.end(),
                      [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

Settings common_settings() {
  return {
      // A broker that restarts is found again at once; librdkafka's 10 s turn a restart of 2 s into one of 10.
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "500"},
      // The pause of the default, 100 ms, is the time of a whole checkpoint.
      {"retry.backoff.ms", "20"},
      // Off by default before librdkafka 2.10; small requests would wait for acknowledgements of earlier ones.
      {"socket.nagle.disable", "true"},
      // Brokers close connections that were silent; that is no news.
      {"log.connection.close", "false"},
  };
}

void add(Settings& settings, Settings more) {
  for (auto& [name, value] : more) settings.insert_or_assign(name, std::move(value));
}

Settings fetch_preset(Preset preset) {
  switch (preset) {
    case Preset::kThroughput:
      return {{"fetch.min.bytes", "65536"}, {"fetch.wait.max.ms", "50"}};
    case Preset::kLatency:
    case Preset::kBalanced:
    case Preset::kDurable:
      break;
  }
  return {{"fetch.wait.max.ms", "100"}};
}

Settings produce_preset(Preset preset) {
  switch (preset) {
    case Preset::kLatency:
      return {{"linger.ms", "0"}, {"compression.type", "none"}};
    case Preset::kThroughput:
      return {{"linger.ms", "50"}, {"compression.type", "lz4"}};
    case Preset::kDurable:
      return {{"linger.ms", "5"}, {"compression.type", "lz4"}, {"message.timeout.ms", "3600000"}};
    case Preset::kBalanced:
      break;
  }
  return {{"linger.ms", "5"}, {"compression.type", "lz4"}};
}

class Mistakes {
 public:
  explicit Mistakes(std::string_view who) : who_{who} {}
  void add(const std::string& mistake) { text_ += "\n  - " + mistake; }
  void refuse(const Properties& properties, std::span<const Owned> owned) {
    for (const auto& [name, instead] : owned) {
      if (properties.contains(std::string{name})) {
        add("the property " + std::string{name} + " cannot be set: " + std::string{instead});
      }
    }
  }
  [[nodiscard]] Status status() const {
    if (text_.empty()) return {};
    return {ErrorCode::kInvalidArgument, std::string{who_} + ": the options are wrong:" + text_};
  }

 private:
  std::string_view who_;
  std::string text_;
};

// The brokers' own limit; the client does not even make an object for a topic whose name is much longer.
void check_topic(const std::string& name, Mistakes& mistakes) {
  constexpr std::size_t kTopicNameMax = 249;
  if (name.size() > kTopicNameMax) {
    mistakes.add("the name of the topic '" + name.substr(0, 20) + "...' has " + std::to_string(name.size()) +
                 " characters: Kafka allows " + std::to_string(kTopicNameMax));
  }
}

void check_source(const SourceOptions& options, Mistakes& mistakes) {
  if (options.brokers.empty()) mistakes.add(".brokers is empty: give \"host:port\" of some of the brokers");
  const int named = !options.topic.empty() + !options.topics.empty() + !options.pattern.empty();
  if (named != 1) mistakes.add("give one of .topic, .topics and .pattern");
  check_topic(options.topic, mistakes);
  for (const std::string& topic : options.topics) check_topic(topic, mistakes);
  if (options.instances == 0 || options.instance >= options.instances) {
    mistakes.add(".instance is " + std::to_string(options.instance) + " of " + std::to_string(options.instances) +
                 " .instances: they are numbered from 0");
  }
  if (options.start.kind == Start::Kind::kCommitted && options.group.empty()) {
    mistakes.add("start_at_committed() needs the .group that has committed");
  }
  for (const PartitionOffset& each : options.start.offsets) {
    if (each.offset < 0 || each.partition < 0) {
      mistakes.add("start_at_offsets() has a negative number for " + each.topic + "/" + std::to_string(each.partition));
    }
  }
  if (options.connect_timeout.count() <= 0) mistakes.add(".connect_timeout is not positive");
}

void check_writer(const WriterOptions& options, Mistakes& mistakes) {
  if (options.brokers.empty()) mistakes.add(".brokers is empty: give \"host:port\" of some of the brokers");
  if (options.topic.empty()) mistakes.add(".topic is empty");
  check_topic(options.topic, mistakes);
  if (options.connect_timeout.count() <= 0) mistakes.add(".connect_timeout is not positive");
  if (options.buffer_bytes_max < kBufferBytesMin || options.buffer_bytes_max > kBufferBytesMax) {
    mistakes.add(".buffer_bytes_max is " + std::to_string(options.buffer_bytes_max) + ": give " +
                 std::to_string(kBufferBytesMin) + " to " + std::to_string(kBufferBytesMax));
  }
  constexpr std::chrono::milliseconds kAuto{0};
  if (options.transaction_timeout != kAuto && options.transaction_timeout < kTransactionTimeoutMin) {
    mistakes.add(".transaction_timeout is " + std::to_string(options.transaction_timeout.count()) +
                 " ms: give at least 1 s, or 0 to have it follow the checkpoint interval");
  }
  if (options.guarantee == Guarantee::kNone) return;
  if (options.guarantee == Guarantee::kExactlyOnce) {
    mistakes.refuse(options.properties, kOwnedByTransactions);
    return;
  }
  for (const char* name : {"acks", "request.required.acks"}) {
    const auto acks = options.properties.find(name);
    if (acks != options.properties.end() && acks->second == "0") {
      mistakes.add("with acks=0 nobody knows what was lost: set .guarantee to Guarantee::kNone, or leave it out");
    }
  }
}

std::vector<std::string> sorted_brokers(const std::string& brokers) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at <= brokers.size();) {
    const std::size_t comma = std::min(brokers.find(',', at), brokers.size());
    std::string one = brokers.substr(at, comma - at);
    std::erase(one, ' ');
    if (!one.empty()) all.push_back(std::move(one));
    at = comma + 1;
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

std::string Configuration::text() const {
  std::string all;
  for (const auto& [name, value] : properties) {
    if (!all.empty()) all += ", ";
    all += name + "=" + (is_shown(name) ? value : "***");
  }
  return all;
}

Result<Configuration> consumer_configuration(const SourceOptions& options, std::size_t partitions,
                                             std::uint32_t version) {
  Mistakes mistakes{"kafka source"};
  check_source(options, mistakes);
  mistakes.refuse(options.properties, kOwnedByBoth);
  mistakes.refuse(options.properties, kOwnedBySource);
  if (Status s = mistakes.status(); !s.ok()) return s;

  Configuration configuration;
  Settings& settings = configuration.properties;
  settings = common_settings();
  add(settings, fetch_preset(options.preset));
  if (version >= kFetchBackoffVersion) settings["fetch.queue.backoff.ms"] = "10";
  add(settings, options.properties);

  const std::size_t kbytes = options.fetch_bytes_max / std::max<std::size_t>(partitions, 1) / 1024;
  add(settings,
      {
          {"bootstrap.servers", options.brokers},
          {"log.queue", "true"},
          {"enable.auto.commit", "false"},
          {"enable.auto.offset.store", "false"},
          {"auto.offset.reset", "error"},
          {"enable.partition.eof", "true"},
          {"isolation.level", options.read_uncommitted ? "read_uncommitted" : "read_committed"},
          {"queued.max.messages.kbytes", std::to_string(std::clamp(kbytes, kFetchKbytesMin, kFetchKbytesMax))},
          // Whichever limit is reached first stops the fetching: that of the bytes alone is meant to.
          {"queued.min.messages", "10000000"},
      });
  if (!options.group.empty()) settings["group.id"] = options.group;
  return configuration;
}

Result<Configuration> producer_configuration(const WriterOptions& options) {
  Mistakes mistakes{"kafka sink"};
  check_writer(options, mistakes);
  mistakes.refuse(options.properties, kOwnedByBoth);
  mistakes.refuse(options.properties, kOwnedBySink);
  if (Status s = mistakes.status(); !s.ok()) return s;

  Configuration configuration;
  Settings& settings = configuration.properties;
  settings = common_settings();
  add(settings, {
                    {"batch.num.messages", "10000"},
                    {"message.timeout.ms", "120000"},
                    // As the Java client: by murmur2 of the key, without key any.
                    {"partitioner", "murmur2_random"},
                    // A misspelt topic is an error, not a new topic with the broker's default settings.
                    {"allow.auto.create.topics", "false"},
                });
  add(settings, produce_preset(options.preset));
  if (options.guarantee == Guarantee::kNone) {
    settings["acks"] = "1";
  } else {
    settings["acks"] = "all";
    // What is sent again after a lost answer is not there twice, and keeps its place.
    settings["enable.idempotence"] = "true";
  }
  if (options.properties.contains("request.required.acks")) settings.erase("acks");
  if (options.properties.contains("compression.codec")) settings.erase("compression.type");
  if (options.properties.contains("delivery.timeout.ms")) settings.erase("message.timeout.ms");
  if (options.properties.contains("queue.buffering.max.ms")) settings.erase("linger.ms");
  add(settings, options.properties);
  add(settings, {
                    {"bootstrap.servers", options.brokers},
                    {"log.queue", "true"},
                    // The writers' own limit, in bytes, is reached before these: librdkafka would refuse one message
                    // and take the smaller one behind it.
                    {"queue.buffering.max.messages", "10000000"},
                    {"queue.buffering.max.kbytes", "2097151"},
                });
  return configuration;
}

Result<Configuration> transaction_configuration(WriterOptions options, const std::string& id,
                                                std::chrono::milliseconds timeout) {
  options.guarantee = Guarantee::kExactlyOnce;
  Result<Configuration> configuration = producer_configuration(options);
  if (!configuration) return configuration;
  Settings& settings = configuration->properties;
  settings["transactional.id"] = id;
  settings["transaction.timeout.ms"] = std::to_string(timeout.count());
  // What was under way by a connection that broke may come late. Of those that were silent for long it says nothing.
  if (!options.properties.contains("log.connection.close")) settings["log.connection.close"] = "true";
  // A message has as long as its transaction, which is what the client then takes by itself.
  if (!options.properties.contains("message.timeout.ms") && !options.properties.contains("delivery.timeout.ms")) {
    settings.erase("message.timeout.ms");
  }
  return configuration;
}

Configuration group_configuration(const WriterOptions& options, const std::string& group) {
  Configuration configuration;
  Settings& settings = configuration.properties;
  settings = common_settings();
  // What has to do with how to reach the brokers; a consumer has no use for the rest.
  for (const auto& [name, value] : options.properties) {
    const bool connects = std::any_of(kConnecting.begin(), kConnecting.end(),
                                      [&](std::string_view head) { return name.starts_with(head); });
    if (connects) settings[name] = value;
  }
  add(settings, {
                    {"bootstrap.servers", options.brokers},
                    {"log.queue", "true"},
                    {"group.id", group},
                    {"enable.auto.commit", "false"},
                    // With it, what a transaction is about to commit is waited for.
                    {"isolation.level", "read_committed"},
                });
  return configuration;
}

std::chrono::milliseconds transaction_timeout(std::chrono::milliseconds wanted, std::chrono::nanoseconds interval,
                                              std::chrono::nanoseconds checkpoint_timeout) {
  if (wanted.count() > 0) return wanted;
  static constexpr std::chrono::milliseconds kMost = std::chrono::minutes{15};  // brokers' own limit
  const auto capped = [](std::chrono::nanoseconds time) {
    return std::min(std::chrono::ceil<std::chrono::milliseconds>(std::min<std::chrono::nanoseconds>(time, kMost)),
                    kMost);
  };
  return std::clamp<std::chrono::milliseconds>(4 * capped(interval) + capped(checkpoint_timeout),
                                               std::chrono::minutes{1}, kMost);
}

bool share_a_broker(const std::string& some, const std::string& others) {
  const std::vector<std::string> first = sorted_brokers(some);
  const std::vector<std::string> second = sorted_brokers(others);
  std::vector<std::string> both;
  std::set_intersection(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(both));
  return !both.empty();
}

std::string cluster_name(const std::string& brokers) {
  std::string name{kClusterHead};
  for (const std::string& one : sorted_brokers(brokers)) {
    if (name.size() > kClusterHead.size()) name += ',';
    name += one;
  }
  return name;
}

}  // namespace millstream::inline v0::kafka::detail
