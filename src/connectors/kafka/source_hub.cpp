// The start of a run of a source: brokers, topics, partitions, and where to begin in each.
#include "connectors/kafka/source_hub.hpp"

#include <algorithm>
#include <regex>
#include <thread>
#include <utility>

#include "connectors/kafka/librdkafka_client.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

class RealClient final : public Client {
 public:
  Result<std::unique_ptr<Consumer>> consumer(const Configuration& configuration) override {
    return librdkafka_consumer(configuration);
  }
  Result<std::unique_ptr<Producer>> producer(const Configuration& configuration) override {
    return librdkafka_producer(configuration);
  }
  Result<std::unique_ptr<Transactions>> transactions(const Configuration& configuration) override {
    return librdkafka_transactions(configuration);
  }
};

Result<std::vector<TopicInfo>> matching(Consumer& consumer, const std::string& pattern, const Deadline& deadline) {
  std::regex regex;
  try {
    regex.assign(pattern);
  } catch (const std::regex_error& error) {
    return Status{ErrorCode::kInvalidArgument,
                  "kafka source: .pattern '" + pattern + "' is no regular expression: " + error.what()};
  }
  const auto wanted = [&](const std::string& name) {
    return !name.starts_with("__") && std::regex_match(name, regex);  // "__": the brokers' own
  };
  Result<std::vector<TopicInfo>> topics = consumer.matching_topics(wanted, deadline.left());
  if (!topics) return topics;
  if (topics->empty()) {
    return Status{ErrorCode::kNotFound, "kafka source: no topic matches the pattern '" + pattern + "'"};
  }
  std::sort(topics->begin(), topics->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return topics;
}

Result<std::vector<TopicInfo>> find_topics(const SourceOptions& options, Consumer& consumer, const Deadline& deadline) {
  if (!options.pattern.empty()) return matching(consumer, options.pattern, deadline);
  std::vector<std::string> names = options.topics;
  if (!options.topic.empty()) names = {options.topic};
  return consumer.topics(names, deadline.left());
}

// Some broker has not heard yet of partitions that a checkpoint goes on in, or of a topic that the pattern matches.
bool may_be_old(const std::vector<TopicInfo>& found, const std::vector<std::string>& restored, bool by_pattern) {
  return std::any_of(restored.begin(), restored.end(), [&](const std::string& split) {
    const TopicPartition wanted = parse_split_id(split);
    const auto topic =
        std::find_if(found.begin(), found.end(), [&](const TopicInfo& each) { return each.name == wanted.topic; });
    return topic == found.end() ? by_pattern : wanted.partition >= topic->partitions;
  });
}

// For half of the time at most: what is really gone the engine says.
Result<std::vector<TopicInfo>> find_topics_of(const std::vector<std::string>& restored, const SourceOptions& options,
                                              Consumer& consumer, const Deadline& deadline) {
  constexpr std::chrono::milliseconds kPause{50};
  const Deadline patience{options.connect_timeout / 2};
  for (;;) {
    Result<std::vector<TopicInfo>> found = find_topics(options, consumer, deadline);
    if (!found || !may_be_old(*found, restored, !options.pattern.empty()) || patience.over()) return found;
    std::this_thread::sleep_for(kPause);
  }
}

// While a run is on. One topic after the other, each in slices of its own: many topics take their time.
Result<std::vector<TopicInfo>> look_for_topics(const SourceOptions& options, Consumer& consumer,
                                               const std::stop_token& stop) {
  const Deadline deadline{options.connect_timeout};
  if (!options.pattern.empty()) {
    return in_slices(deadline, stop,
                     [&](auto timeout) { return matching(consumer, options.pattern, Deadline{timeout}); });
  }
  std::vector<std::string> names = options.topics;
  if (!options.topic.empty()) names = {options.topic};
  std::vector<TopicInfo> all;
  for (const std::string& name : names) {
    if (stop.stop_requested()) break;
    const Result<std::vector<TopicInfo>> found =
        in_slices(deadline, stop, [&](auto timeout) { return consumer.topics({&name, 1}, timeout); });
    if (!found) return found.error();
    all.insert(all.end(), found->begin(), found->end());
  }
  return all;
}

bool belongs_to(const TopicPartition& partition, std::uint32_t instance, std::uint32_t instances) {
  return static_cast<std::uint32_t>(partition.partition) % instances == instance;
}

}  // namespace

Result<std::unique_ptr<Consumer>> SourceHub::connect(std::size_t partitions, std::string& settings) const {
  const Result<Configuration> configuration = consumer_configuration(options_, partitions, librdkafka_version());
  if (!configuration) return configuration.error();
  settings = configuration->text();
  return client_->consumer(*configuration);
}

Result<std::vector<Split>> SourceHub::list_splits(SourceContext& context) const {
  const Deadline deadline{options_.connect_timeout};
  std::string settings;
  Result<std::unique_ptr<Consumer>> consumer = connect(1, settings);
  if (!consumer) return consumer.error();
  const Result<std::vector<TopicInfo>> topics = find_topics_of(context.restored_splits, options_, **consumer, deadline);
  if (!topics) return topics.error();
  const Result<std::vector<TopicPartition>> partitions = share_of(*topics);
  if (!partitions) return partitions.error();
  // How much each partition may fetch is known only now, and is a setting of the client as a whole.
  if (partitions->size() > 1) {
    consumer = connect(partitions->size(), settings);
    if (!consumer) return consumer.error();
  }
  // A restart knows where to go on, and what it does not know is new.
  const Start::Kind kind = context.restored ? Start::Kind::kEarliest : options_.start.kind;
  const Result<Offsets> starts = find_starts(**consumer, *partitions, *topics, kind, deadline);
  if (!starts) return starts.error();
  auto connection = std::make_shared<SourceConnection>(*std::move(consumer), std::move(settings));
  std::vector<Split> splits;
  for (std::size_t i = 0; i < partitions->size(); ++i) {
    splits.push_back({split_id((*partitions)[i]), {static_cast<std::uint64_t>((*starts)[i]), {}}});
  }
  if (options_.stop_at_end) {
    const Result<Offsets> ends = connection->consumer().offsets(*partitions, kLatestOffset, deadline.left());
    if (!ends) return ends.error();
    for (std::size_t i = 0; i < splits.size(); ++i) connection->ends[splits[i].id] = (*ends)[i];
  }
  for (const TopicInfo& topic : *topics) connection->partitions[topic.name] = topic.partitions;
  connection->on_new_partitions =
      options_.on_new_partitions.value_or(context.keyed_by_partition ? NewPartitions::kHalt : NewPartitions::kTakeUp);
  // Nothing behind the ends is read, so keys that move from now on move behind them.
  if (!options_.stop_at_end && options_.partition_discovery_interval.count() > 0) watch(*connection, context);
  context.shared = std::move(connection);
  return splits;
}

// The hub may be gone before the run's last look.
void SourceHub::watch(SourceConnection& connection, const SourceContext& context) const {
  connection.watch({.interval = options_.partition_discovery_interval,
                    .timeout = options_.connect_timeout,
                    .look = [options = options_, reading = &connection.consumer()](
                                const std::stop_token& stop) { return look_for_topics(options, *reading, stop); },
                    .mine = [instance = options_.instance, instances = options_.instances](
                                const TopicPartition& each) { return belongs_to(each, instance, instances); },
                    .arrivals = context.arrivals});
}

Result<std::vector<TopicPartition>> SourceHub::share_of(const std::vector<TopicInfo>& topics) const {
  std::vector<TopicPartition> partitions;
  std::int32_t most = 0;
  for (const TopicInfo& topic : topics) {
    most = std::max(most, topic.partitions);
    for (std::int32_t p = 0; p < topic.partitions; ++p) {
      TopicPartition partition{topic.name, p};
      if (belongs_to(partition, options_.instance, options_.instances)) partitions.push_back(std::move(partition));
    }
  }
  if (partitions.empty()) {
    return Status{ErrorCode::kInvalidArgument, "kafka source: there is no partition for instance " +
                                                   std::to_string(options_.instance) + " of " +
                                                   std::to_string(options_.instances) + ": the topics have up to " +
                                                   std::to_string(most) + "; run fewer instances"};
  }
  return partitions;
}

Result<SourceHub::Offsets> SourceHub::find_starts(Consumer& consumer, const std::vector<TopicPartition>& partitions,
                                                  const std::vector<TopicInfo>& topics, Start::Kind kind,
                                                  const Deadline& deadline) const {
  if (kind == Start::Kind::kLatest) return consumer.offsets(partitions, kLatestOffset, deadline.left());
  if (kind == Start::Kind::kTimestamp) return start_at_time(consumer, partitions, deadline);
  Result<Offsets> earliest = consumer.offsets(partitions, kEarliestOffset, deadline.left());
  if (!earliest || kind == Start::Kind::kEarliest) return earliest;
  if (kind == Start::Kind::kOffsets) return start_as_named(partitions, topics, *std::move(earliest));
  const Result<std::vector<std::optional<CommittedOffset>>> committed = consumer.committed(partitions, deadline.left());
  if (!committed) return committed.error().at("the group '" + options_.group + "'");
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if ((*committed)[i]) (*earliest)[i] = (*committed)[i]->offset;
  }
  return earliest;
}

Result<SourceHub::Offsets> SourceHub::start_at_time(Consumer& consumer, const std::vector<TopicPartition>& partitions,
                                                    const Deadline& deadline) const {
  const auto wanted = std::chrono::ceil<std::chrono::milliseconds>(options_.start.timestamp.time_since_epoch()).count();
  // Before 1970 there are no messages, and negative numbers mean something else to brokers.
  if (wanted < 0) return consumer.offsets(partitions, kEarliestOffset, deadline.left());
  // The end first: a message that comes between the two answers is behind it.
  const Result<Offsets> latest = consumer.offsets(partitions, kLatestOffset, deadline.left());
  if (!latest) return latest.error();
  Result<Offsets> found = consumer.offsets(partitions, wanted, deadline.left());
  for (std::size_t i = 0; found && i < partitions.size(); ++i) {
    if ((*found)[i] < 0) (*found)[i] = (*latest)[i];
  }
  return found;
}

Result<SourceHub::Offsets> SourceHub::start_as_named(const std::vector<TopicPartition>& partitions,
                                                     const std::vector<TopicInfo>& topics, Offsets otherwise) const {
  for (const PartitionOffset& wanted : options_.start.offsets) {
    const bool known = std::any_of(topics.begin(), topics.end(), [&](const TopicInfo& topic) {
      return topic.name == wanted.topic && wanted.partition < topic.partitions;
    });
    if (!known) {
      return Status{ErrorCode::kInvalidArgument, "kafka source: start_at_offsets() names " +
                                                     split_id({wanted.topic, wanted.partition}) +
                                                     ", which is not among the partitions of this source"};
    }
    const auto at = std::find_if(partitions.begin(), partitions.end(), [&](const TopicPartition& each) {
      return each.topic == wanted.topic && each.partition == wanted.partition;
    });
    // It may be for another instance.
    if (at != partitions.end()) otherwise[static_cast<std::size_t>(at - partitions.begin())] = wanted.offset;
  }
  return otherwise;
}

std::shared_ptr<Client> real_client() { return std::make_shared<RealClient>(); }

std::shared_ptr<SourceHub> make_source_hub(SourceOptions options, std::shared_ptr<Client> client) {
  return std::make_shared<SourceHub>(std::move(options), std::move(client));
}

Result<std::vector<Split>> list_splits(SourceHub& hub, SourceContext& context) { return hub.list_splits(context); }

}  // namespace millstream::inline v0::kafka::detail
