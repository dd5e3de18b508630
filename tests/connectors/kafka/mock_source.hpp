// Reading from librdkafka's mock brokers, as a shard does.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "connectors/drive.hpp"
#include "connectors/kafka/mock_cluster.hpp"
#include "millstream/connectors/kafka/source.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0::testing {

template <class T>
using Reader = SplitReader<T, kafka::Source<T>>;

/// Polls, waiting as a shard does, until it has so many records, or it ends or fails.
template <class T>
Result<Poll> read_until(Reader<T>& reader, std::size_t records, std::uint32_t room = 100) {
  Result<Poll> last = Poll::more();
  test::eventually([&] {
    do {
      last = reader.poll(room);
    } while (last && last->kind == Poll::Kind::kMore && reader.records.size() < records);
    return !last || last->kind == Poll::Kind::kDone || reader.records.size() >= records;
  });
  return last;
}

inline std::vector<Logged> numbers(int from, int to, std::int32_t partition = 0) {
  std::vector<Logged> all;
  for (int i = from; i < to; ++i) all.push_back({.value = std::to_string(i), .partition = partition});
  return all;
}
inline std::vector<std::string> texts(int from, int to) {
  std::vector<std::string> all;
  for (int i = from; i < to; ++i) all.push_back(std::to_string(i));
  return all;
}

class KafkaMockSource : public ::testing::Test {
 protected:
  kafka::SourceOptions options(kafka::SourceOptions changed = {}) const {
    changed.brokers = cluster.brokers();
    if (changed.topic.empty() && changed.topics.empty() && changed.pattern.empty()) changed.topic = "numbers";
    return changed;
  }
  template <class T>
  Reader<T> open(const kafka::Source<T>& source, std::size_t split = 0) const {
    const SourceRun run{source};
    EXPECT_TRUE(run.splits) << run.splits.error().to_string();
    return Reader<T>{source, run.splits->at(split), run.context};
  }
  std::string first_mistake(const kafka::SourceOptions& with) const {
    return list_splits(kafka::source<std::string>(with)).error().to_string();
  }

  MockCluster cluster;
};

}  // namespace millstream::inline v0::testing
