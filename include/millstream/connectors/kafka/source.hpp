// The Kafka source: the messages of one or several topics; each partition is a split, a position is the next offset.
// In a job with checkpoints a restart goes on exactly behind the last message of the checkpoint, so every message
// counts once in the job's state. Only messages of committed transactions are read.
//
//   ms::kafka::source<Order>({.brokers = "localhost:9092", .topic = "orders"})
//   ms::kafka::source<ms::kafka::Message<Order>>({.brokers = "b1:9093,b2:9093", .pattern = "orders-.*",
//       .properties = {{"security.protocol", "SASL_SSL"}, {"sasl.mechanism", "SCRAM-SHA-512"}, ...}})
//
// The record type is that of the values, or Message<V> where key, headers, partition and offset matter, too. Values of
// std::optional take messages without value (tombstones). `.event_time(strategy)` without a function takes the
// messages' timestamps. The order of a partition is kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/connectors/kafka/client.hpp"
#include "millstream/connectors/kafka/format.hpp"
#include "millstream/connectors/kafka/message.hpp"
#include "millstream/connectors/kafka/options.hpp"
#include "millstream/connectors/kafka/partition_reader.hpp"
#include "millstream/connectors/kafka/start.hpp"
#include "millstream/core/export.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::kafka {

/// What a source does where the offset at which it should go on is not on the broker: its messages were deleted by
/// retention, or the topic was made anew.
enum class OutOfRange {
  kFail,      ///< the job stops: messages may be lost
  kEarliest,  ///< goes on at the earliest offset; a log message says what was left out
  kLatest,    ///< behind the last message; likewise
};

/// What becomes of partitions that a topic gets after a job has begun to read it.
enum class NewPartitions {
  /// They are read, from their earliest offset on, as soon as they are found, whether while the job runs or when it is
  /// started again. A log message says so.
  kTakeUp,
  /// The job stops, whether it notices while it runs or when it is started again: with them producers put keys into
  /// other partitions, and so to where the state of those keys is not.
  kHalt,
};

struct SourceOptions {
  /// "host:port,host:port": some of the cluster's brokers.
  std::string brokers = {};
  /// The topics: one, several, or all whose whole name matches a regular expression (ECMAScript). One of the three is
  /// given; each topic must exist and a pattern match at least one. Topics and partitions that come while the job runs
  /// are found in partition_discovery_interval; see on_new_partitions.
  std::string topic = {};
  std::vector<std::string> topics = {};
  std::string pattern = {};
  Start start = start_at_earliest();
  /// Ends where each partition ended when the run began. The job is done then: started again from its state folder it
  /// reads nothing more. Without this a source never ends.
  bool stop_at_end = false;
  Format format = Format::kAuto;
  /// A consumer group whose committed offsets start_at_committed() takes. The source does not join it and commits
  /// nothing to it.
  std::string group = {};
  /// This process is number `instance`, from 0, of `instances` that share the topics: it reads the partitions p with
  /// p % instances == instance. Of more than one, a key_by behind it has to say .keyed_by_partition(): that all
  /// messages of a key are in one partition; or to be by a PartitionKey.
  std::uint32_t instance = 0;
  std::uint32_t instances = 1;
  /// None: kHalt where a key_by behind the source says .keyed_by_partition(), else kTakeUp. New topics move no keys,
  /// and are taken up in any case.
  std::optional<NewPartitions> on_new_partitions = {};
  /// How often brokers are asked, while a run is on, whether there are more partitions or topics; 0 = never, then the
  /// next run finds them. Not with stop_at_end.
  std::chrono::milliseconds partition_discovery_interval = std::chrono::seconds{10};
  OutOfRange on_out_of_range = OutOfRange::kFail;
  OnError on_bad_record = OnError::kFail;
  /// Also messages of transactions that are open or were aborted.
  bool read_uncommitted = false;
  /// Bytes of messages that were fetched and not yet read, all partitions of this source; each has an equal share, at
  /// least 1 MiB.
  std::size_t fetch_bytes_max = std::size_t{256} << 20;
  /// How long a run may take to find brokers, topics and offsets, before it fails.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds{10};
  Preset preset = Preset::kBalanced;
  Properties properties = {};
};

template <class T>
class Source {
 public:
  using Value = typename detail::MessageOf<T>::Value;

  explicit Source(SourceOptions options, std::shared_ptr<detail::Client> client = detail::real_client())
      : options_{std::move(options)},
        hub_{detail::make_source_hub(options_, std::move(client))},
        decoder_{options_.format} {}

  Result<std::vector<Split>> splits(SourceContext& context) const {
    if (const char* mistake = detail::ValueDecoder<Value>::mistake(options_.format)) {
      return Status{ErrorCode::kInvalidArgument, std::string{"kafka source: "} + mistake};
    }
    return detail::list_splits(*hub_, context);
  }
  Status open(SplitContext& context) {
    auto reader = detail::PartitionReader::open(*hub_, context);
    if (!reader) return reader.error();
    reader_ = *std::move(reader);
    return {};
  }
  Result<Poll> poll(SourceOutput<T>& out) {
    reader_->begin_poll();
    while (out.room() > 0 && out.bad_records() < detail::kBadRecordsMax) {
      const detail::MessageView* message = reader_->next();
      if (message == nullptr) return reader_->outcome();
      T record{};
      if (fill(*message, record)) {
        out.emit_at(detail::timestamp_of(*message), std::move(record));
      } else {
        out.bad_record(reader_->letter(*message, std::move(error_)));
        error_ = {};
      }
    }
    return Poll::more();
  }
  [[nodiscard]] Position position() const { return reader_->position(); }
  [[nodiscard]] OnError on_bad_record() const { return options_.on_bad_record; }
  /// The cluster: a sink that is exactly once keeps the offsets with its output there.
  [[nodiscard]] std::string reads_from() const { return detail::cluster_name(options_.brokers); }
  [[nodiscard]] std::uint32_t shared_by() const { return options_.instances; }
  [[nodiscard]] std::uint32_t shared_as() const { return options_.instance; }
  void close() { reader_.reset(); }

 private:
  [[nodiscard]] bool fill(const detail::MessageView& message, T& record) {
    if constexpr (detail::MessageOf<T>::kIs) {
      if (!decoder_.decode(message, record.value, error_)) return false;
      if (message.has_key) record.key.emplace(message.key);
      reader_->append_headers(message, record.headers);
      record.timestamp = detail::timestamp_of(message);
      record.topic = reader_->topic();
      record.partition = reader_->partition();
      record.offset = message.offset;
      return true;
    } else {
      return decoder_.decode(message, record, error_);
    }
  }

  SourceOptions options_;
  std::shared_ptr<detail::SourceHub> hub_;  // of all copies
  detail::ValueDecoder<Value> decoder_;
  DecodeError error_;
  std::shared_ptr<detail::PartitionReader> reader_;  // shared only so that the struct can be copied before open()
};

/// The messages of the topics that options name. What is wrong with the options is reported when the job starts.
template <class T>
[[nodiscard]] Source<T> source(SourceOptions options) {
  return Source<T>{std::move(options)};
}

}  // namespace millstream::inline v0::kafka
