// The Kafka sink: each record becomes a message. Delivery in a job with checkpoints: exactly once. What was written
// between two checkpoints is one transaction, which also carries the offsets of the job's Kafka sources and the name of
// the checkpoint; its commit is what decides the checkpoint. All such sinks of a job write in that one transaction, so
// they are on one cluster.
//
// Without checkpoints, and with Guarantee::kAtLeastOnce: at least once. A checkpoint is complete only when the brokers
// have acknowledged every message before it, and after a restart, records since the last one are sent again. Without
// checkpoints the same holds for the end of the input. Guarantee::kNone waits at the end of the input only. A message
// that cannot be delivered fails the job with the cause.
//
//   ms::kafka::sink<Total>({.brokers = "localhost:9092", .topic = "totals",
//                           .key = [](const Total& total) { return total.card; }})
//
// A record goes to the partition that the Java client would choose for its key, one without key to any. A stream of
// Message<V> says key, headers, timestamp and partition itself; one of dead letters becomes the messages again that
// these are about (kafka/dead_letter.hpp). Records of one partition of the topic that come from
// one shard keep their order.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "millstream/connectors/kafka/client.hpp"
#include "millstream/connectors/kafka/dead_letter.hpp"
#include "millstream/connectors/kafka/format.hpp"
#include "millstream/connectors/kafka/message.hpp"
#include "millstream/connectors/kafka/record_writer.hpp"
#include "millstream/connectors/kafka/sink_options.hpp"
#include "millstream/core/export.hpp"
#include "millstream/io/decider.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0::kafka {

template <class T>
struct SinkOptions {
  /// "host:port,host:port": some of the cluster's brokers.
  std::string brokers = {};
  /// Must exist.
  std::string topic = {};
  Format format = Format::kAuto;
  /// Nothing = the message has no key. This and the next three are not for records of type Message.
  std::function<std::optional<std::string>(const T&)> key = {};
  std::function<std::vector<Header>(const T&)> headers = {};
  /// Without it a message has the time at which it was sent. One before 1970 fails the job.
  std::function<Timestamp(const T&)> timestamp = {};
  /// From 0; one that the topic does not have fails the job. Without it the key decides.
  std::function<std::int32_t(const T&)> partition = {};
  /// Nothing = Guarantee::kExactlyOnce in a job with checkpoints, kAtLeastOnce in one without.
  std::optional<Guarantee> guarantee = {};
  /// With kExactlyOnce: the consumer group that is given the offsets of the job's Kafka sources, for whoever watches
  /// their lag. Empty = "ms-<job>". The name of the newest checkpoint is in the group "ms.checkpoint-<job>-<instance>";
  /// .group may not begin like that. No other job may use them.
  std::string group = {};
  /// With kExactlyOnce: number of this process among those that run the job side by side, from 0 (as that of the
  /// source). Its transactional.id is "ms-<job>-<instance>": a second process with the same ends the first.
  std::uint32_t instance = 0;
  /// With kExactlyOnce: brokers abort a transaction that is open for longer, and the job goes back to its last
  /// checkpoint. 1 s to 15 min (more only where transaction.max.timeout.ms of the brokers allows it). 0 = four times
  /// the checkpoint interval and the checkpoint timeout, at least a minute, at most 15.
  std::chrono::milliseconds transaction_timeout{0};
  /// Bytes of messages that are not acknowledged yet, all shards together; at the limit the sink has no room, and the
  /// job waits. Exactly once up to four times that wait while a transaction ends. From 1 MiB to 1 GiB.
  std::size_t buffer_bytes_max = std::size_t{16} << 20;
  /// How long opening may take to find brokers and topic, before it fails the job.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds{10};
  Preset preset = Preset::kBalanced;
  Properties properties = {};
};

template <class T>
class Sink {
 public:
  using Value = typename detail::MessageOf<T>::Value;

  explicit Sink(SinkOptions<T> options, std::shared_ptr<detail::Client> client = detail::real_client())
      : options_{std::move(options)},
        hub_{detail::make_sink_hub({.brokers = options_.brokers,
                                    .topic = options_.topic,
                                    .guarantee = options_.guarantee,
                                    .group = options_.group,
                                    .instance = options_.instance,
                                    .transaction_timeout = options_.transaction_timeout,
                                    .buffer_bytes_max = options_.buffer_bytes_max,
                                    .connect_timeout = options_.connect_timeout,
                                    .preset = options_.preset,
                                    .properties = options_.properties},
                                   std::move(client))},
        encoder_{options_.format} {}

  Status open(SinkContext& context) {
    if (const char* mistake = detail::ValueEncoder<Value>::mistake(options_.format)) {
      return {ErrorCode::kInvalidArgument, std::string{"kafka sink: "} + mistake};
    }
    if (detail::MessageOf<T>::kIs && (options_.key || options_.headers || options_.timestamp || options_.partition)) {
      return {ErrorCode::kInvalidArgument,
              "kafka sink: .key, .headers, .timestamp and .partition are not for records of type Message, which say "
              "them themselves"};
    }
    auto writer = detail::RecordWriter::open(*hub_, context, decider_);
    if (!writer) return writer.error();
    writer_ = *std::move(writer);
    return {};
  }
  Result<std::size_t> write(std::span<T> records) {
    if (Status s = writer_->pass(); !s.ok()) return s;
    std::size_t taken = 0;
    while (taken < records.size() && writer_->has_room()) add(records[taken++]);
    if (Status s = writer_->send(); !s.ok()) return s;
    return taken;
  }
  Status flush() { return writer_->serve(); }
  /// A checkpoint waits until everything before it is acknowledged.
  Result<bool> drain() { return writer_->drained(); }
  [[nodiscard]] std::shared_ptr<Decider> make_decider() const { return detail::make_decider(hub_); }
  void decide_by(std::shared_ptr<Decider> decider) { decider_ = std::move(decider); }
  std::string prepare() { return writer_->barrier(); }
  void commit(const std::string& /*handle*/) {}
  Status close(SinkEnd end) {
    if (!writer_) return {};
    Status status = end == SinkEnd::kFinished ? writer_->wait_for_deliveries() : Status{};
    writer_.reset();
    return status;
  }

 private:
  void add(const T& record) {
    detail::RecordWriter& to = *writer_;
    to.begin();
    if constexpr (detail::MessageOf<T>::kIs) {
      if (record.key) to.key(*record.key);
      for (const Header& header : record.headers) to.header(header);
      if (record.timestamp != kNoTimestamp) to.timestamp(record.timestamp);
      to.partition(record.partition);
      if (encoder_.encode(record.value, to.value_bytes())) to.has_value();
    } else {
      if constexpr (std::same_as<T, DeadLetter>) {
        if (encoder_.restores_letters()) restore(record, to);
      }
      if (options_.key) {
        if (const std::optional<std::string> key = options_.key(record)) to.key(*key);
      }
      if (options_.headers) {
        for (Header& header : options_.headers(record)) to.header(std::move(header));
      }
      if (options_.timestamp) to.timestamp(options_.timestamp(record));
      if (options_.partition) to.partition(options_.partition(record));
      if (encoder_.encode(record, to.value_bytes())) to.has_value();
    }
    to.end();
  }

  /// But for the value.
  void restore(const DeadLetter& letter, detail::RecordWriter& to) const {
    if (!options_.key && letter.message && letter.message->key) to.key(*letter.message->key);
    for (Header& header : detail::headers_of(letter)) to.header(std::move(header));
  }

  SinkOptions<T> options_;
  std::shared_ptr<detail::SinkHub> hub_;  // of all copies
  detail::ValueEncoder<Value> encoder_;
  std::shared_ptr<Decider> decider_;              // of the run; null: it is not exactly once
  std::shared_ptr<detail::RecordWriter> writer_;  // shared only so that the struct can be copied before open()
};

namespace detail {
/// What KeyedResult and WindowResult look like.
template <class T>
concept Keyed = !MessageOf<T>::kIs && requires(const T& record) {
  record.key;
  record.value;
};

/// A key as the text of a message's key: a string as it is, anything else as JSON.
template <class K>
[[nodiscard]] std::string key_text(const K& key) {
  if constexpr (std::same_as<K, std::string>) {
    return key;
  } else {
    std::string text;
    encode_json(key, text);
    return text;
  }
}
}  // namespace detail

/// As SinkOptions, for a sink that does not name the type of its records.
struct AnySinkOptions {
  std::string brokers = {};
  std::string topic = {};
  Format format = Format::kAuto;
  std::optional<Guarantee> guarantee = {};
  std::string group = {};
  std::uint32_t instance = 0;
  std::chrono::milliseconds transaction_timeout{0};
  std::size_t buffer_bytes_max = std::size_t{16} << 20;
  std::chrono::milliseconds connect_timeout = std::chrono::seconds{10};
  Preset preset = Preset::kBalanced;
  Properties properties = {};
};

/// A sink for the stream that it is given to, whatever its type. The results of keyed stages have their key as the key
/// of the message (a string as it is, another as JSON), other records none.
class AnySink {
 public:
  explicit AnySink(AnySinkOptions options) : options_{std::move(options)} {}
  template <class T>
  [[nodiscard]] Sink<T> for_records() const {
    SinkOptions<T> typed{.brokers = options_.brokers,
                         .topic = options_.topic,
                         .format = options_.format,
                         .guarantee = options_.guarantee,
                         .group = options_.group,
                         .instance = options_.instance,
                         .transaction_timeout = options_.transaction_timeout,
                         .buffer_bytes_max = options_.buffer_bytes_max,
                         .connect_timeout = options_.connect_timeout,
                         .preset = options_.preset,
                         .properties = options_.properties};
    if constexpr (detail::Keyed<T>) {
      typed.key = [](const T& record) -> std::optional<std::string> { return detail::key_text(record.key); };
    }
    return Sink<T>{std::move(typed)};
  }

 private:
  AnySinkOptions options_;
};

/// Writes the records of a stream to options.topic: `.to(ms::kafka::sink({.brokers = ..., .topic = ...}))`.
[[nodiscard]] inline AnySink sink(AnySinkOptions options) { return AnySink{std::move(options)}; }

/// Writes records of type T to options.topic. What is wrong with the options fails the job when it starts.
template <class T>
[[nodiscard]] Sink<T> sink(SinkOptions<T> options) {
  return Sink<T>{std::move(options)};
}

}  // namespace millstream::inline v0::kafka
