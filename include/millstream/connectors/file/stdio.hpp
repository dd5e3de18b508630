// Standard input and standard output as source and sink.
//
//   flow.from(ms::file::stdin_source<Order>({.format = ms::file::Format::kCsv})).to(ms::file::stdout_sink<Order>());
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "millstream/connectors/file/format.hpp"
#include "millstream/connectors/file/line_output.hpp"
#include "millstream/connectors/file/record_decoder.hpp"
#include "millstream/connectors/file/record_encoder.hpp"
#include "millstream/io/sink.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::file {

struct StdinOptions {
  Format format = Format::kJsonLines;
  OnError on_bad_record = OnError::kFail;
  /// Longer records are bad records; of those only the beginning is kept.
  std::size_t record_bytes_max = kRecordBytesMax;
};

/// One split, "stdin", that ends with the input. Not replayable.
template <class T>
class StdinSource {
 public:
  explicit StdinSource(StdinOptions options) : options_{options} {}

  std::vector<Split> splits(SourceContext&) const { return {{"stdin", {}}}; }
  Status open(SplitContext&) {
    auto reader =
        detail::RecordReader::open_stdin({.format = options_.format, .record_bytes_max = options_.record_bytes_max});
    if (!reader) return reader.error();
    records_ = std::make_shared<detail::RecordDecoder<T>>(*std::move(reader));
    return records_->check();
  }
  Result<Poll> poll(SourceOutput<T>& out) {
    const Result<detail::RecordReader::Event> event = records_->poll(out);
    if (!event) return event.error();
    switch (*event) {
      case detail::RecordReader::Event::kEnd:
        return Poll::done();
      case detail::RecordReader::Event::kWait:
        return Poll::idle();
      default:
        return Poll::more();
    }
  }
  [[nodiscard]] OnError on_bad_record() const { return options_.on_bad_record; }
  void close() { records_.reset(); }

 private:
  StdinOptions options_;
  std::shared_ptr<detail::RecordDecoder<T>> records_;  // shared only so that the struct can be copied before open()
};

struct StdoutOptions {
  Format format = Format::kJsonLines;
};

/// Whole lines, whatever the number of shards, in no particular order between them; CSV's header comes once. A reader
/// that is slow slows the job down and blocks no shard. Delivery: at least once.
template <class T>
class StdoutSink {
 public:
  explicit StdoutSink(StdoutOptions options) : options_{options}, encoder_{options.format} {}

  Status open(SinkContext& context) {
    if (Status s = encoder_.check(options_.format); !s.ok()) return s.at("stdout sink");
    context_ = &context;
    output_ = std::make_shared<detail::LineOutput>(1, detail::stdout_gate());
    return {};
  }
  Result<std::size_t> write(std::span<T> records) {
    std::size_t taken = 0;
    while (taken < records.size()) {
      if (encoded_ == 0) {
        if (!output_->begin()) break;
        encode(records.subspan(taken));
      }
      const Result<bool> drained = output_->drain();
      if (!drained) return drained.error();
      if (!*drained) break;
      taken += std::exchange(encoded_, 0);
    }
    if (taken < records.size())
      context_->retry_at(saturating_add(context_->clock().now(), std::chrono::milliseconds{1}));
    return taken;
  }
  void close(SinkEnd) { output_.reset(); }

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{64} << 10;  // of lines encoded before they are written

  void encode(std::span<const T> records) {
    std::string& buffer = output_->buffer();
    if (!std::exchange(*header_written_, true)) buffer += encoder_.header();
    while (encoded_ < records.size() && buffer.size() < kBufferBytes) encoder_.append(records[encoded_++], buffer);
  }

  StdoutOptions options_;
  detail::RecordEncoder<T> encoder_;
  std::shared_ptr<bool> header_written_ = std::make_shared<bool>(false);  // of all copies; whoever may write holds it
  SinkContext* context_ = nullptr;
  std::shared_ptr<detail::LineOutput> output_;
  std::size_t encoded_ = 0;  // of the records not yet taken, those whose lines are in the buffer already
};

/// The records on standard input.
template <class T>
[[nodiscard]] StdinSource<T> stdin_source(StdinOptions options = {}) {
  return StdinSource<T>{options};
}

/// Writes records of type T to standard output.
template <class T>
[[nodiscard]] StdoutSink<T> stdout_sink(StdoutOptions options = {}) {
  return StdoutSink<T>{options};
}

}  // namespace millstream::inline v0::file
