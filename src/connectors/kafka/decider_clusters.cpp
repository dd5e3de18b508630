// Which sources read from the sinks' cluster: brokers say so, for one cluster can be spelled in many ways.
#include <algorithm>
#include <string_view>
#include <utility>

#include "connectors/kafka/configuration.hpp"
#include "connectors/kafka/decider.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

constexpr std::chrono::milliseconds kPatience{3000};

}  // namespace

Result<std::string> KafkaDecider::cluster_id(const std::string& brokers, const std::string& group) const {
  WriterOptions options = options_;
  options.brokers = brokers;
  Result<std::unique_ptr<Consumer>> consumer = hub_->client().consumer(group_configuration(options, group));
  if (!consumer) return consumer.error();
  return (*consumer)->cluster_id(std::min(options_.connect_timeout, kPatience));
}

// Brokers that cannot be asked with the sinks' own settings are another cluster's: the job is right without it, as
// positions are in its checkpoints, but what other instances have read is not looked at.
void KafkaDecider::find_other_names(const DeciderContext& context, const std::string& group) {
  other_names_.clear();
  const std::string own = cluster_name(options_.brokers);
  std::set<std::string> asked{own};
  std::string own_id;
  for (const DecisionSource& source : context.sources) {
    if (!source.reads_from.starts_with(kClusterHead) || !asked.insert(source.reads_from).second) continue;
    Result<std::string> found = std::string{};
    if (own_id.empty()) {
      found = cluster_id(options_.brokers, group);
      if (found) own_id = *found;
    }
    if (found) found = cluster_id(source.reads_from.substr(kClusterHead.size()), group);
    if (!found) {
      if (context.log) {
        context.log(LogLevel::kWarning,
                    "sink '" + context.stage + "': whether the source '" + source.stage +
                        "', which names other .brokers, reads from the same cluster cannot be found out; it counts as "
                        "another one: " +
                        found.error().message());
      }
      continue;
    }
    if (*found == own_id) other_names_.insert(source.reads_from);
  }
}

std::vector<DecisionSource> KafkaDecider::named_alike(std::vector<DecisionSource> sources) const {
  for (DecisionSource& source : sources) {
    if (other_names_.contains(source.reads_from)) source.reads_from = cluster_name(options_.brokers);
  }
  return sources;
}

}  // namespace millstream::inline v0::kafka::detail
