// Comparing and joining the options of sinks.
#include "connectors/kafka/joined_options.hpp"

#include <algorithm>

#include "connectors/kafka/configuration.hpp"
#include "millstream/connectors/kafka/client.hpp"

namespace millstream::inline v0::kafka::detail {

std::string why_not_joined(const WriterOptions& first, const WriterOptions& second) {
  if (cluster_name(first.brokers) != cluster_name(second.brokers) && !share_a_broker(first.brokers, second.brokers)) {
    return "their .brokers are '" + first.brokers + "' and '" + second.brokers +
           "', and two transactions cannot be committed as one. Where it is one cluster, give both the same .brokers, "
           "or one that both name";
  }
  const auto differs = [](const std::string& option) {
    return "one transaction could carry the output of both, but they differ in " + option + ": give both the same";
  };
  if (first.instance != second.instance) {
    return differs(".instance, " + std::to_string(first.instance) + " and " + std::to_string(second.instance));
  }
  if (!first.group.empty() && !second.group.empty() && first.group != second.group) {
    return differs(".group, '" + first.group + "' and '" + second.group + "'");
  }
  if (first.transaction_timeout.count() != 0 && second.transaction_timeout.count() != 0 &&
      first.transaction_timeout != second.transaction_timeout) {
    return differs(".transaction_timeout");
  }
  if (first.preset != second.preset) return differs(".preset");
  if (!first.properties.empty() && !second.properties.empty() && first.properties != second.properties) {
    return differs(".properties");
  }
  return {};
}

WriterOptions joined(WriterOptions first, const WriterOptions& second) {
  if (first.group.empty()) first.group = second.group;
  if (first.transaction_timeout.count() == 0) first.transaction_timeout = second.transaction_timeout;
  if (first.properties.empty()) first.properties = second.properties;
  first.connect_timeout = std::max(first.connect_timeout, second.connect_timeout);
  return first;
}

}  // namespace millstream::inline v0::kafka::detail
