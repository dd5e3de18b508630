// From a graph and options to the stages of every shard, wired.
#include <algorithm>
#include <set>

#include "core/guarded_call.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/runtime/engine.hpp"
#include "runtime/checkpointer.hpp"
#include "runtime/cold_parts.hpp"
#include "runtime/coordination.hpp"
#include "runtime/cores.hpp"
#include "runtime/options_check.hpp"
#include "runtime/shard_barriers.hpp"
#include "runtime/starting_point.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kMemoryDefault = std::size_t{1} << 30;

// What is wrong with either is said at once: whoever mends one need not start to hear of the other.
Status check_all(const Graph& graph, const RunOptions& options) {
  Status of_graph = graph.check(!options.state_dir.empty());
  Status of_options = check_options(options);
  if (of_graph.ok()) return of_options;
  if (of_options.ok()) return of_graph;
  return {ErrorCode::kInvalidArgument, of_graph.message() + "\n" + of_options.message()};
}

// One failure as it is, several as a list.
Status all_of(const std::vector<Status>& failures) {
  if (failures.size() == 1) return failures.front();
  std::string message = std::to_string(failures.size()) + " sources cannot be read:";
  for (const Status& failure : failures) message += "\n  - " + failure.message();
  return {failures.front().code(), std::move(message)};
}

}  // namespace

class EngineBuilder {
 public:
  EngineBuilder(const Graph& graph, const RunOptions& options, const ColdSetup* cold)
      : graph_{graph}, options_{options}, cold_setup_{cold} {}

  Result<std::unique_ptr<Engine>> build(const Engine::MakeSignal& make_signal) {
    if (Status s = check_all(graph_, options_); !s.ok()) return s;
    make_shards(make_signal);
    if (Status s = open_state(); !s.ok()) return s;
    for (auto& shard : engine_->shards_) {
      shard->context().restored = start_.restored != nullptr;
      shard->context().partly_restored = start_.parts != nullptr && start_.parts->anew.any();
    }
    if (Status s = list_all_splits(); !s.ok()) return s;
    for (std::uint32_t number = 0; number < graph_.size(); ++number) {
      const Status made = guarded_call([&] {
        make_stages(number);
        return Status{};
      });
      if (!made.ok()) return made.at("making the stage '" + engine_->ids_[number] + "'");
    }
    if (Status s = reserve_queues(); !s.ok()) return s;
    if (Status s = start_.settle(*engine_->shards_.front()); !s.ok()) {
      return s.at("state_dir '" + options_.state_dir + "'");
    }
    take_over();
    let_splits_arrive();
    if (!engine_->nothing_left_) {
      Result<std::unique_ptr<ColdParts>> cold =
          open_cold_parts(*engine_, options_, *file_system_, engine_->memory_, cold_setup_);
      if (!cold) return cold.error();
      engine_->cold_ = *std::move(cold);
    }
    engine_->started_ns_ = engine_->clock_->monotonic_ns();
    return std::move(engine_);
  }

 private:
  struct Built {
    std::vector<OperatorStage*> stages;
    std::vector<ExchangeInlet*> inlets;
    std::vector<Stage*> outlets;
    bool passes_through = false;  // an exchange of one shard: its input is its output
  };

  void make_shards(const Engine::MakeSignal& make_signal) {
    shards_ = options_.shards != 0 ? options_.shards : std::min(cores_available(), kShardsMax);
    engine_.reset(new Engine);
    engine_->clock_ = options_.clock != nullptr ? options_.clock : &system_clock();
    engine_->memory_ = options_.memory ? options_.memory : std::make_shared<MemoryBudget>(kMemoryDefault);
    engine_->ids_ = graph_.ids();
    file_system_ = options_.file_system != nullptr ? options_.file_system : &posix_file_system();
    std::vector<std::string> kinds;
    for (std::uint32_t number = 0; number < graph_.size(); ++number) kinds.push_back(graph_.node(number).kind);
    for (std::uint32_t i = 0; i < shards_; ++i) {
      std::shared_ptr<ShardSignal> signal = make_signal(i);
      auto shard = std::make_unique<Shard>(i, signal);
      ShardContext& context = shard->context();
      context.shards = shards_;
      context.batch_records_max = options_.batch;
      context.saved_per_step = options_.saved_per_step;
      context.seed = options_.seed;
      context.clock = engine_->clock_;
      context.file_system = file_system_;
      context.log = options_.log;
      context.memory = engine_->memory_;
      context.waker = Waker{[signal] { signal->notify(); }};
      if (!options_.state_dir.empty()) {
        shard->barriers_ = std::make_unique<ShardBarriers>(
            *shard, engine_->barrier_, [kinds](std::uint32_t node) { return kinds[node]; },
            PartsTaker{[engine = engine_.get()](ShardPart part) { engine->checkpointer_->take(std::move(part)); },
                       [engine = engine_.get(), i] { return engine->checkpointer_->unwritten_bytes(i); }},
            chunk_bytes(options_, *engine_->memory_, shards_));
        context.barriers = shard->barriers_.get();
      }
      context.set_cancel_flag(&engine_->cancelled_);
      engine_->shards_.push_back(std::move(shard));
    }
    for (std::uint32_t number = 0; number < graph_.size(); ++number) {
      engine_->is_source_.push_back(graph_.node(number).is_source);
      engine_->is_sink_.push_back(graph_.node(number).is_sink);
    }
  }

  Status open_state() {
    SinkDecider sink;
    for (std::uint32_t number = 0; number < graph_.size(); ++number) {
      if (graph_.node(number).is_source) {
        sink.sources.push_back({engine_->ids_[number], graph_.node(number).reads_from, {}});
      }
    }
    for (std::uint32_t number = 0; number < graph_.size() && !options_.state_dir.empty(); ++number) {
      if (!graph_.node(number).make_decider) continue;
      const Status made =
          guarded_call([&] { return sink.add(graph_.node(number).make_decider(), engine_->ids_[number]); });
      if (!made.ok()) return made.at("sink '" + engine_->ids_[number] + "'");
    }
    share_ = graph_.share();
    if (share_ && !options_.state_dir.empty()) {
      const Status entered = guarded_call(
          [&] { return start_.enter(*file_system_, *engine_->clock_, options_, graph_.name(), sink, *share_); });
      if (!entered.ok()) return entered;
    }
    return guarded_call([&] { return start_.open(*file_system_, *engine_->clock_, options_, graph_.name(), sink); });
  }

  SourceContext source_context(std::uint32_t number) const {
    SourceContext context{engine_->ids_[number], file_system_, engine_->clock_, options_.seed,
                          start_.knows(engine_->ids_[number])};
    context.arrivals = arrivals_[number];
    context.keyed_by_partition = graph_.keyed_by_partition(number);
    return context;
  }

  // Every source is asked, so that all that is wrong is reported at once.
  Status list_all_splits() {
    progress_.resize(graph_.size());
    splits_.resize(graph_.size());
    finished_.resize(graph_.size());
    shared_.resize(graph_.size());
    arrivals_.resize(graph_.size());
    std::vector<Status> failures;
    for (std::uint32_t number = 0; number < graph_.size(); ++number) {
      if (!graph_.node(number).is_source) continue;
      const Status listed = guarded_call([&] { return list_splits(number); });
      if (!listed.ok()) failures.push_back(listed.at("source '" + engine_->ids_[number] + "'"));
    }
    if (!failures.empty()) return all_of(failures);
    const Status admitted = guarded_call([&] { return start_.admit(options_); });
    if (!admitted.ok()) return admitted.at("state_dir '" + options_.state_dir + "'");
    for (std::uint32_t number = 0; number < graph_.size(); ++number) {
      const Node& node = graph_.node(number);
      if (!node.assigns_event_time) continue;
      SplitProgress& progress = *progress_[graph_.source_of(number)];
      progress.idle_timeout = node.watermarks->idle_timeout();
      progress.drift = node.watermarks->drift();
      progress.has_event_time = true;
    }
    return {};
  }

  Status list_splits(std::uint32_t number) {
    arrivals_[number] = std::make_shared<SplitArrivals>();
    SourceContext context = source_context(number);
    context.restored_splits = start_.goes_on_in(engine_->ids_[number]);
    Result<std::vector<Split>> listed = graph_.node(number).list_splits(context);
    if (!listed) return listed.error();
    shared_[number] = std::move(context.shared);
    std::vector<std::string> split_ids;
    std::set<std::string> unique;
    for (const Split& split : *listed) {
      split_ids.push_back(split.id);
      if (share_) {
        const std::optional<std::uint32_t> partition = partition_of_split(split.id);
        if (!partition || !share_->has(*partition)) {
          return {ErrorCode::kUnsupported, "its split '" + split.id + "' does not end in a partition below " +
                                               std::to_string(kKeyGroups) +
                                               " of this instance, and the job's keys "
                                               "are ms::PartitionKeys, which go by these"};
        }
      }
      if (!unique.insert(split.id).second) {
        return {ErrorCode::kInvalidArgument, "two splits have the id '" + split.id + "'"};
      }
    }
    if (Status s = start_.place(engine_->ids_[number], *listed, finished_[number]); !s.ok()) return s;
    splits_[number] = *std::move(listed);
    progress_[number] = std::make_shared<SplitProgress>(std::move(split_ids));
    engine_->sources_.emplace_back(engine_->ids_[number], progress_[number]);
    return {};
  }

  void make_stages(std::uint32_t number) {
    const Node& node = graph_.node(number);
    built_.emplace_back();
    Built& built = built_.back();
    if (node.make_exchange) {
      if (shards_ == 1) {
        built.passes_through = true;
        return;
      }
      ExchangeSetup setup{{}, options_.exchange_slots, options_.batch};
      for (auto& shard : engine_->shards_) setup.signals.push_back(&shard->signal());
      ExchangeSides sides = node.make_exchange(setup);
      for (std::uint32_t s = 0; s < shards_; ++s) {
        built.outlets.push_back(sides.outlets[s].get());
        built.inlets.push_back(sides.inlets[s].get());
        for (std::uint32_t from = 0; from < shards_; ++from) {
          if (!has_records(node.inputs.front().node, from)) sides.inlets[s]->expect_nothing_from(from);
        }
        place(s, number, std::move(sides.outlets[s]));
        place(s, number, std::move(sides.inlets[s]));
      }
      for (auto& channel : sides.channels) engine_->channels_.push_back(std::move(channel));
      ++exchanges_;
      exchange_heap_bytes_ += sides.heap_bytes_max;
    } else {
      const auto silence = std::make_shared<Silence>();
      for (std::uint32_t s = 0; s < shards_; ++s) {
        StageSetup setup = setup_for(number, s);
        setup.silence = silence;
        std::unique_ptr<OperatorStage> stage = node.make(setup);
        stage->set_on_error(node.on_error);
        for (const Node::SideRequest& request : node.side_requests) {
          if (stage->side_outputs().find(request.name) == nullptr) {
            stage->side_outputs().add(request.name, request.type, request.make_output());
          }
        }
        built.stages.push_back(stage.get());
        place(s, number, std::move(stage));
      }
    }
    for (std::uint32_t i = 0; i < node.inputs.size(); ++i) {
      for (std::uint32_t s = 0; s < shards_; ++s) {
        Receiver& receiver = built.stages.empty() ? *built.outlets[s] : built.stages[s]->input(i);
        output_of(node.inputs[i], s).connect(receiver);
      }
    }
  }

  // Records may come out of this node on this shard.
  bool has_records(std::uint32_t number, std::uint32_t shard) const {
    const Node& node = graph_.node(number);
    if (node.is_source) return shard < splits_[number].size();
    if (node.make_exchange) return true;
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](const Upstream& input) { return has_records(input.node, shard); });
  }

  StageSetup setup_for(std::uint32_t number, std::uint32_t shard) const {
    const Node& node = graph_.node(number);
    StageSetup setup;
    setup.shard = shard;
    setup.shards = shards_;
    setup.batch_records_max = options_.batch;
    setup.watermark_step = graph_.watermark_step();
    setup.share = share_.value_or(InstanceShare{});
    if (node.make_decider) setup.decider = start_.decider;
    setup.source.with_origins = graph_.wants_origins();
    setup.source.open_splits_max = open_splits_max(shards_);
    const std::uint32_t source =
        node.is_source || node.assigns_event_time ? graph_.source_of(number) : Graph::kNoSource;
    if (source != Graph::kNoSource) {
      setup.source.progress = progress_[source];
      setup.source.context = source_context(source);
      if (node.is_source) setup.source.context.shared = shared_[source];
      for (std::uint32_t i = shard; i < splits_[source].size(); i += shards_) {
        setup.source.splits.push_back({i, splits_[source][i], finished_[source].contains(splits_[source][i].id)});
      }
    }
    return setup;
  }

  OutputBase& output_of(Upstream from, std::uint32_t shard) const {
    while (built_[from.node].passes_through) from = graph_.node(from.node).inputs.front();
    const Built& built = built_[from.node];
    if (!built.inlets.empty()) return built.inlets[shard]->output();
    OutputBase* output =
        from.port.empty() ? built.stages[shard]->output() : built.stages[shard]->side_outputs().find(from.port);
    MILLSTREAM_ASSERT(output != nullptr);
    return *output;
  }

  void place(std::uint32_t shard, std::uint32_t number, std::unique_ptr<Stage> stage) {
    stage->attach(engine_->shards_[shard]->context(), engine_->ids_[number]);
    engine_->shards_[shard]->stages_.emplace_back(number, std::move(stage));
  }

  // From here on splits may come: all stages know those of the start.
  void let_splits_arrive() {
    for (std::uint32_t number = 0; number < graph_.size(); ++number) {
      if (!arrivals_[number]) continue;
      std::vector<SplitArrivals::Reader> readers(shards_);
      for (std::uint32_t s = 0; s < shards_; ++s) readers[s].waker = engine_->shards_[s]->context().waker;
      for (std::uint32_t i = 0; i < splits_[number].size(); ++i) ++readers[i % shards_].splits;
      arrivals_[number]->begin(progress_[number], std::move(readers));
    }
  }

  // What the run begins from goes to the engine and its shards, and the coordinator to it.
  void take_over() {
    Engine& engine = *engine_;
    CheckpointFacts facts{
        graph_.name(), shards_, graph_.watermark_step(), start_.committed(), start_.ids_above(), start_.deciding_stage};
    engine.store_ = std::move(start_.store);
    engine.savepoint_ = std::move(start_.savepoint);
    engine.restored_ = std::move(start_.restored);
    // Of another instance's checkpoint what was read to its end may have windows open and timers set all the same.
    engine.nothing_left_ = engine.restored_ && start_.parts == nullptr && everything_read();
    for (auto& shard : engine.shards_) {
      shard->restored_ = engine.restored_.get();
      shard->store_ = engine.savepoint_ ? engine.savepoint_.get() : engine.store_.get();
      shard->parts_ = start_.parts;
      shard->may_drop_state_ = options_.allow_dropped_state;
    }
    if (!engine.store_) return;
    engine.may_leave_ = engine.nothing_left_;
    engine.coordination_ = std::make_unique<Engine::Coordination>(engine);
    engine.decision_runner_ = std::make_shared<DecisionRunner>(start_.decider, *engine.clock_);
    const auto nonce_seed = options_.seed ^ static_cast<std::uint64_t>(engine.clock_->now().time_since_epoch().count());
    engine.checkpointer_ =
        std::make_unique<Checkpointer>(*engine.coordination_, *engine.store_, *engine.decision_runner_,
                                       options_.checkpoint, std::move(facts), *engine.clock_, options_.log, nonce_seed);
  }

  [[nodiscard]] bool everything_read() const {
    for (std::uint32_t number = 0; number < graph_.size(); ++number) {
      for (const Split& split : splits_[number]) {
        if (!finished_[number].contains(split.id)) return false;
      }
    }
    return true;
  }

  // The queues' memory is taken before the job starts, so that a job never waits for it later.
  Status reserve_queues() {
    const std::size_t each = (options_.exchange_slots + 2) * kBatchBytes;
    const std::size_t bytes = exchanges_ * shards_ * shards_ * each + exchange_heap_bytes_;
    // A budget that nobody stated a limit for must not keep a large machine from starting a job.
    if (!options_.memory) engine_->memory_->raise_limit(bytes);
    engine_->queues_ = MemoryReservation{engine_->memory_};
    if (engine_->queues_.try_resize(bytes)) return {};
    return {ErrorCode::kInvalidArgument,
            "the queues between " + std::to_string(shards_) + " shards need " + std::to_string(bytes) +
                " bytes, but the memory budget has " + std::to_string(engine_->memory_->used_bytes()) + " of " +
                std::to_string(engine_->memory_->limit_bytes()) + " in use: raise it, or use fewer shards"};
  }

  const Graph& graph_;
  RunOptions options_;  // with the state_dir of this instance
  const ColdSetup* cold_setup_;
  std::optional<InstanceShare> share_;  // in a job whose instances share a state_dir
  std::uint32_t shards_ = 1;
  std::size_t exchanges_ = 0;
  std::size_t exchange_heap_bytes_ = 0;
  FileSystem* file_system_ = nullptr;
  std::unique_ptr<Engine> engine_;
  std::vector<Built> built_;
  std::vector<std::shared_ptr<SplitProgress>> progress_;
  std::vector<std::vector<Split>> splits_;
  std::vector<std::shared_ptr<void>> shared_;  // by the splits of each node's source
  std::vector<std::shared_ptr<SplitArrivals>> arrivals_;
  std::vector<std::set<std::string>> finished_;  // splits of each node's source that an earlier run has read
  StartingPoint start_;
};

Result<std::unique_ptr<Engine>> Engine::build(const Graph& graph, const RunOptions& options,
                                              const MakeSignal& make_signal, const ColdSetup* cold) {
  return EngineBuilder{graph, options, cold}.build(make_signal);
}

}  // namespace millstream::inline v0
