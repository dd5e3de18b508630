// A run of a KafkaDecider by hand, as the engine calls it, over a client that the test scripts.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/decider.hpp"
#include "connectors/kafka/scripted_transactions.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::testing {

class DeciderRun {
 public:
  using Outcome = ScriptedTransactions::Outcome;

  explicit DeciderRun(kafka::detail::WriterOptions options = {}) {
    options.brokers = "b:1";
    options.topic = "out";
    options.buffer_bytes_max = std::size_t{16} << 20;
    options.connect_timeout = std::chrono::seconds{1};
    hub = kafka::detail::make_sink_hub(std::move(options), script);
    context.job = "job";
    context.stage = "sink";
    context.clock = &clock;
    context.log = [this](LogLevel level, std::string_view text) {
      logged.push_back((level == LogLevel::kWarning ? "warning: " : "") + std::string{text});
    };
    context.checkpoint_interval = std::chrono::seconds{1};
    context.checkpoint_timeout = std::chrono::seconds{10};
    next_run();
  }
  /// The decider of another run of the same job in the same process.
  void next_run() {
    decider = std::static_pointer_cast<kafka::detail::KafkaDecider>(kafka::detail::make_decider(hub));
    ASSERT_NE(decider, nullptr);
  }
  /// A source on the sink's cluster that checkpoints here name.
  void add_source(std::string stage, std::vector<std::string> splits) {
    context.sources.push_back({std::move(stage), kafka::detail::cluster_name("b:1"), std::move(splits)});
  }
  Status fence() {
    for (;;) {
      const Result<bool> fenced = decider->fence(context);
      if (!fenced) return fenced.error();
      if (*fenced) return {};
      clock.advance(std::chrono::milliseconds{500});
    }
  }
  Result<Decision> read() {
    for (;;) {
      const Result<std::optional<Decision>> found = decider->read(context);
      if (!found) return found.error();
      if (*found) return **found;
      clock.advance(std::chrono::seconds{1});
    }
  }
  /// Fences and reads.
  void begin() {
    const Status fenced = fence();
    ASSERT_TRUE(fenced.ok()) << fenced.to_string();
    const Result<Decision> decision = read();
    ASSERT_TRUE(decision) << decision.error().to_string();
    script->calls.clear();
  }
  static DecisionDraft draft(std::uint64_t id, std::vector<SplitPosition> positions = {}) {
    return {{id, id * 16}, std::move(positions)};
  }
  static SplitPosition position(std::string source, std::string split, std::uint64_t offset) {
    SplitPosition all{std::move(source), std::move(split), {}, false};
    encode_value(Position{offset, {}}, all.position);
    return all;
  }
  static std::string metadata(std::uint64_t id, const std::string& job = "job") {
    return kafka::detail::DecisionOffsets{job, "g", 0, {"t"}, "", {}}.metadata({id, id * 16});
  }
  DecisionStep decide(const DecisionDraft& draft) {
    DecisionStep step = decider->prepare(draft);
    return step.outcome == DecisionStep::Outcome::kDone ? decider->decide(draft) : step;
  }

  ManualClock clock;
  std::shared_ptr<ScriptedTransactions> script = std::make_shared<ScriptedTransactions>();
  std::shared_ptr<kafka::detail::SinkHub> hub;
  std::shared_ptr<kafka::detail::KafkaDecider> decider;
  DeciderContext context;
  std::vector<std::string> logged;
};

}  // namespace millstream::inline v0::testing
