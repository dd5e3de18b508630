// Node: one stage of a dataflow as it was declared, before any shard exists. It knows its inputs, what it promises and
// needs, and how to make the stage for one shard; everything typed is behind its factories.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "millstream/channel/exchange.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/io/decider.hpp"
#include "millstream/io/source.hpp"
#include "millstream/operators/operator_stage.hpp"
#include "millstream/operators/source_stage.hpp"
#include "millstream/time/split_progress.hpp"
#include "millstream/time/watermark.hpp"
#include "millstream/window/silence.hpp"

namespace millstream::inline v0 {

/// What a factory is told when it makes the stage of a node for one shard.
struct StageSetup {
  std::uint32_t shard = 0;
  std::uint32_t shards = 1;
  std::uint32_t batch_records_max = kBatchRecordsMax;
  Duration watermark_step{1000};
  SourceSetup source;                ///< of the source of this node; for sources and event_time
  std::shared_ptr<Silence> silence;  ///< the same on all shards; for windows
  std::shared_ptr<Decider> decider;  ///< for the sink that brought it; null in a job without checkpoints
  InstanceShare share;               ///< of the process in a job whose keys go by partition
};

/// Both sides of an exchange, one of each for every shard.
struct MILLSTREAM_EXPORT ExchangeSides {
  ExchangeSides();
  ExchangeSides(ExchangeSides&&) noexcept;
  ~ExchangeSides();

  std::vector<std::unique_ptr<Stage>> outlets;
  std::vector<std::unique_ptr<ExchangeInlet>> inlets;
  std::vector<std::shared_ptr<Channel>> channels;  ///< must outlive every stage of every shard
  std::size_t heap_bytes_max = 0;                  ///< that the records in flight own, of all channels together
};
/// What an exchange is told when it is made.
struct ExchangeSetup {
  std::vector<ShardSignal*> signals;  ///< one for each shard
  std::size_t slots = kExchangeSlots;
  std::uint32_t batch_records_max = kBatchRecordsMax;
};

/// Where an input comes from: a node and one of its outputs.
struct Upstream {
  std::uint32_t node = 0;
  std::string port;  ///< empty = the main output, else the name of a side output
};

struct MILLSTREAM_EXPORT Node {
  // Compiled once in the library: every program that declares a dataflow moves nodes.
  Node();
  Node(const Node&);
  Node(Node&&) noexcept;
  ~Node();

  /// A side output that somebody asked for.
  struct SideRequest {
    std::string name;
    std::type_index type;
    bool copyable;  ///< its records can be copied
    std::function<std::unique_ptr<OutputBase>()> make_output;
  };
  /// A side output that the stage is known to have.
  struct SidePort {
    std::string name;
    std::type_index type;
    bool must_be_taken = false;  ///< records would be lost that nobody said to drop (the branches of split)
  };

  std::uint32_t number = 0;
  std::string kind;    ///< "map", "window", ...
  std::string name;    ///< given by .named(), else empty
  std::string detail;  ///< for describe(): "tumbling(60s)"
  std::vector<Upstream> inputs;
  std::type_index output_type{typeid(void)};
  bool copyable = true;  ///< the records of the main output can be copied
  std::vector<SideRequest> side_requests;
  std::vector<SidePort> side_ports;
  bool any_side_port = false;  ///< a process stage may emit to any tag
  bool main_optional = false;  ///< the main output may go nowhere (split)
  OnError on_error = OnError::kFail;

  bool is_source = false;
  bool is_sink = false;
  bool stateful = false;
  bool assigns_event_time = false;
  bool needs_event_time = false;
  bool reorders = false;                        ///< key_by, rebalance, merge: event_time may not follow
  bool groups_by_key = false;                   ///< key_by: what has the same key must come together
  bool keyed_by_partition = false;              ///< of a key_by: the input has each key in one partition only
  bool groups_by_partition = false;             ///< of a key_by: by PartitionKey
  std::optional<Duration> boundary_step;        ///< all window boundaries and lateness are multiples of it
  std::optional<WatermarkStrategy> watermarks;  ///< of event_time
  std::vector<std::string> mistakes;            ///< found while it was declared

  std::function<std::unique_ptr<OperatorStage>(const StageSetup&)> make;
  std::function<ExchangeSides(const ExchangeSetup&)> make_exchange;  ///< set for exchanges instead of make
  std::function<Result<std::vector<Split>>(SourceContext&)> list_splits;
  std::string reads_from;                                  ///< of a source that says so: where from
  std::uint32_t shared_by = 1;                             ///< of a source: processes that share its input
  std::optional<std::uint32_t> shared_as;                  ///< which of them this one is; splits end in "/<partition>"
  std::function<std::shared_ptr<Decider>()> make_decider;  ///< set for a sink whose transaction is the decision
  std::shared_ptr<const Decider> declared_decider;         ///< one that it has made, and that is of no run
};

}  // namespace millstream::inline v0
