// Transactions by librdkafka against its mock brokers: which outcome every error that brokers answer with has. The mock
// knows neither markers nor fencing and forgets offsets that transactions commit: broker_exactly_once_test.cpp has what
// brokers really do.
#include <gmock/gmock.h>

#include "connectors/drive.hpp"
#include "connectors/kafka/librdkafka_client.hpp"
#include "connectors/kafka/mock_cluster.hpp"
#include "millstream/connectors/kafka/sink.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::MockCluster;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Step = DecisionStep::Outcome;
using namespace std::chrono_literals;

constexpr std::int16_t kInitProducerId = 22;
constexpr std::int16_t kAddPartitions = 24;
constexpr std::int16_t kAddOffsets = 25;
constexpr std::int16_t kEndTxn = 26;
constexpr std::int16_t kTxnOffsetCommit = 28;

/// A run of a sink by hand.
class SinkRun {
 public:
  explicit SinkRun(MockCluster& mock) : cluster{mock} {}

  Status begin(kafka::SinkOptions<std::string> options = {}) {
    options.brokers = cluster.brokers();
    options.topic = "out";
    sink.emplace(std::move(options));
    decider = sink->make_decider();
    DeciderContext about{"job", "sink", {}, &clock, {}};
    for (Result<bool> fenced = false; !*fenced;) {
      fenced = decider->fence(about);
      if (!fenced) return fenced.error().at("fence");
    }
    for (Result<std::optional<Decision>> found = std::optional<Decision>{}; !*found; clock.advance(1s)) {
      found = decider->read(about);
      if (!found) return found.error().at("read");
    }
    sink->decide_by(decider);
    return sink->open(context).at("open");
  }
  /// Writes, and has it decided; "done", or where it ended and why.
  std::string epoch(std::vector<std::string> records) {
    std::span<std::string> left{records};
    std::string ended;
    test::eventually([&] {
      const Result<std::size_t> taken = sink->write(left);
      if (!taken) ended = taken.error().at("write").to_string();
      if (taken) left = left.subspan(*taken);
      return !ended.empty() || left.empty();
    });
    context.set_draining(true);
    test::eventually([&] {
      if (!ended.empty()) return true;
      const Result<bool> drained = sink->drain();
      if (!drained) ended = drained.error().at("drain").to_string();
      return drained && *drained;
    });
    context.set_draining(false);
    if (!ended.empty()) return ended;
    EXPECT_EQ(sink->prepare(), "ms-job-0");
    const DecisionDraft draft{{++checkpoint, 99}, {}};
    DecisionStep step = repeat([&] { return decider->prepare(draft); });
    if (step.outcome != Step::kDone) return text("prepare", step);
    // For whoever looks behind the commit, as a decider with a new client does.
    cluster.commit_offset("ms.checkpoint-job-0", "out", static_cast<std::int64_t>(checkpoint),
                          "ms1;c=" + std::to_string(checkpoint) + ";n=0000000000000063;j=job");
    step = repeat([&] { return decider->decide(draft); });
    return step.outcome == Step::kDone ? "done" : text("decide", step);
  }

  MockCluster& cluster;
  ManualClock clock;
  SinkContext context = testing::sink_context();
  std::optional<kafka::Sink<std::string>> sink;
  std::shared_ptr<Decider> decider;
  std::uint64_t checkpoint = 0;

 private:
  template <class F>
  static DecisionStep repeat(F&& call) {
    DecisionStep step = call();
    for (int i = 0; i < 60 && step.outcome == Step::kPending; ++i) step = call();
    return step;
  }
  static std::string text(const char* where, const DecisionStep& step) {
    const char* outcome = step.outcome == Step::kAborted   ? " aborted: "
                          : step.outcome == Step::kInDoubt ? " in doubt: "
                                                           : " pending: ";
    return where + (outcome + step.status.to_string());
  }
};

TEST(KafkaExactlyOnceMock, OneEpochAfterTheOther) {
  MockCluster cluster;
  cluster.create("out", 2);
  SinkRun run{cluster};
  const Status begun = run.begin();
  ASSERT_TRUE(begun.ok()) << begun.to_string();
  EXPECT_EQ(run.epoch({"a", "b"}), "done");
  EXPECT_EQ(run.epoch({}), "done");
  EXPECT_EQ(run.epoch({"c"}), "done");
  run.decider->close();
  EXPECT_THAT(testing::read_log(cluster.brokers(), "out", 2), SizeIs(3));
}

struct Answer {
  const char* name;
  std::int16_t request;
  std::vector<rd_kafka_resp_err_t> errors;
  const char* ends;       ///< "done", or how what epoch() says begins
  const char* says = "";  ///< and what it has in it
};
std::ostream& operator<<(std::ostream& out, const Answer& answer) { return out << answer.name; }

class KafkaExactlyOnceErrors : public ::testing::TestWithParam<Answer> {};

TEST_P(KafkaExactlyOnceErrors, HaveTheirOutcome) {
  MockCluster cluster;
  cluster.create("out", 1);
  SinkRun run{cluster};
  const Answer& answer = GetParam();
  const bool at_start = answer.request == kInitProducerId;
  if (at_start) cluster.push_errors(answer.request, answer.errors);
  const Status begun = run.begin({.connect_timeout = 3s});
  std::string ended = begun.ok() ? "done" : begun.to_string();
  if (begun.ok()) {
    EXPECT_EQ(run.epoch({"first"}), "done");
    if (!at_start) cluster.push_errors(answer.request, answer.errors);
    ended = run.epoch({"second"});
    if (ended == "done") {
      EXPECT_EQ(run.epoch({"third"}), "done");
    }
    run.decider->close();
  }
  EXPECT_THAT(ended, AllOf(StartsWith(answer.ends), HasSubstr(answer.says)));
}

INSTANTIATE_TEST_SUITE_P(
    Retriable, KafkaExactlyOnceErrors,
    ::testing::Values(
        Answer{"InitLoading", kInitProducerId, {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS}, "done"},
        Answer{"InitConcurrent", kInitProducerId, {RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS}, "done"},
        Answer{"AddPartitionsConcurrent", kAddPartitions, {RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS}, "done"},
        Answer{"AddPartitionsNotThereYet", kAddPartitions, {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART}, "done"},
        Answer{"AddOffsetsNoCoordinator", kAddOffsets, {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE}, "done"},
        Answer{"OffsetsMoved", kTxnOffsetCommit, {RD_KAFKA_RESP_ERR_NOT_COORDINATOR}, "done"},
        Answer{"EndLoading", kEndTxn, {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS}, "done"},
        Answer{"EndDisconnected", kEndTxn, {RD_KAFKA_RESP_ERR__TRANSPORT}, "done"},
        Answer{"ProduceMoved", MockCluster::kProduce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION}, "done"}),
    [](const auto& row) { return std::string{row.param.name}; });

INSTANTIATE_TEST_SUITE_P(Abortable, KafkaExactlyOnceErrors,
                         ::testing::Values(Answer{"AddPartitionsForbidden",
                                                  kAddPartitions,
                                                  {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
                                                  "unavailable: drain: topic 'out'",
                                                  "this user may not do that"},
                                           Answer{"AddOffsetsForbidden",
                                                  kAddOffsets,
                                                  {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED},
                                                  "prepare aborted: ",
                                                  "GROUP_AUTHORIZATION_FAILED"},
                                           Answer{"OffsetsOfAnotherGeneration",
                                                  kTxnOffsetCommit,
                                                  {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION},
                                                  "prepare aborted: ",
                                                  "ILLEGAL_GENERATION"},
                                           Answer{"ProduceTooLarge",
                                                  MockCluster::kProduce,
                                                  {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE},
                                                  "invalid_data: drain: topic 'out'",
                                                  "message.max.bytes"}),
                         [](const auto& row) { return std::string{row.param.name}; });

INSTANTIATE_TEST_SUITE_P(
    Final, KafkaExactlyOnceErrors,
    ::testing::Values(
        Answer{"InitForbidden",
               kInitProducerId,
               {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED},
               "unavailable: fence",
               "ask for the access right"},
        Answer{"InitTimeoutTooLong",
               kInitProducerId,
               {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT},
               "invalid_argument: fence",
               "transaction.max.timeout.ms"},
        Answer{"AddPartitionsFenced",
               kAddPartitions,
               {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH},
               "unavailable: drain: topic 'out'",
               "another instance"},
        Answer{"AddOffsetsFenced",
               kAddOffsets,
               {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH},
               "prepare aborted: ",
               "another instance"},
        Answer{
            "EndFenced", kEndTxn, {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH}, "decide in doubt: ", "another instance"},
        Answer{"EndInvalid", kEndTxn, {RD_KAFKA_RESP_ERR_INVALID_TXN_STATE}, "decide in doubt: ", "INVALID_TXN_STATE"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(KafkaExactlyOnceMock, AnEpochWaitsForBrokersThatAreAway) {
  MockCluster cluster;
  cluster.create("out", 1);
  SinkRun run{cluster};
  ASSERT_TRUE(run.begin().ok());
  ASSERT_EQ(run.epoch({"a"}), "done");
  std::vector<std::string> records{"b"};
  ASSERT_TRUE(run.sink->write(records));
  cluster.down();
  run.context.set_draining(true);
  const Result<bool> drained = run.sink->drain();
  EXPECT_TRUE(drained && !*drained) << "it neither fails nor waits here";
  run.context.set_draining(false);
  cluster.up();
  EXPECT_EQ(run.epoch({"c"}), "done");
}

/// Transactions without an engine.
class KafkaTransactionsMock : public ::testing::Test, public kafka::detail::DeliveryLog {
 protected:
  using Reply = kafka::detail::TransactionReply;

  void SetUp() override {
    cluster.create("out", 1);
    const auto configuration = kafka::detail::transaction_configuration({.brokers = cluster.brokers(),
                                                                         .topic = "out",
                                                                         .buffer_bytes_max = std::size_t{1} << 20,
                                                                         .connect_timeout = 10s},
                                                                        "ms-job-0", 1min);
    ASSERT_TRUE(configuration) << configuration.error().to_string();
    auto made = kafka::detail::librdkafka_transactions(*configuration);
    ASSERT_TRUE(made) << made.error().to_string();
    transactions = *std::move(made);
    ASSERT_TRUE(repeat([&] { return transactions->init(500ms); }).ok());
    ASSERT_TRUE(transactions->begin().ok());
  }
  void write() {
    const kafka::detail::OutgoingMessage message{.value = "v"};
    EXPECT_TRUE(transactions->producer().produce("out", {&message, 1}, *this).ok());
    EXPECT_TRUE(test::eventually([&] {
      transactions->producer().flush(10ms);
      return answered;
    }));
  }
  /// The last reply, and whether one of them says that a connection was lost.
  template <class F>
  static Reply repeat(F&& call) {
    Reply reply = call();
    bool lost = reply.connection_lost;
    for (int i = 0; i < 60 && reply.outcome == Reply::Outcome::kRetriable; ++i) {
      reply = call();
      lost = lost || reply.connection_lost;
    }
    reply.connection_lost = lost;
    return reply;
  }
  Reply commit() {
    return repeat([&] { return transactions->commit(500ms); });
  }
  void delivered(std::size_t, std::size_t) override { answered = true; }
  void failed(std::size_t, Status) override { answered = true; }

  MockCluster cluster;
  std::unique_ptr<kafka::detail::Transactions> transactions;
  bool answered = false;
};

TEST_F(KafkaTransactionsMock, AConnectionThatIsLostWithinACallIsTold) {
  write();
  Reply reply = commit();
  EXPECT_TRUE(reply.ok()) << reply.status.to_string();
  EXPECT_FALSE(reply.connection_lost);
  ASSERT_TRUE(transactions->begin().ok());
  write();
  cluster.push_errors(kEndTxn, {RD_KAFKA_RESP_ERR__TRANSPORT});
  reply = commit();
  EXPECT_TRUE(reply.ok()) << reply.status.to_string();
  EXPECT_TRUE(reply.connection_lost);
  ASSERT_TRUE(transactions->begin().ok());
  write();
  reply = commit();
  EXPECT_TRUE(reply.ok()) << reply.status.to_string();
  EXPECT_FALSE(reply.connection_lost) << "since the call before";
}

TEST_F(KafkaTransactionsMock, AFenceThatOnlyAMessageHasMetIsKnown) {
  EXPECT_FALSE(transactions->fenced());
  cluster.push_errors(MockCluster::kProduce, {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH});
  write();
  EXPECT_TRUE(transactions->fenced());
}

TEST(KafkaExactlyOnceMock, NoBrokerIsAnErrorWithinTheTimeoutOfTheConnection) {
  MockCluster cluster;
  cluster.create("out", 1);
  cluster.down();
  SinkRun run{cluster};
  const Status begun = run.begin({.connect_timeout = 300ms});
  EXPECT_EQ(begun.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(begun.message(), HasSubstr(cluster.brokers()));
}

TEST(KafkaExactlyOnceMock, WhatTheEngineOwnsIsRefused) {
  MockCluster cluster;
  const auto refused = [&](const char* name) {
    SinkRun run{cluster};
    return run.begin({.properties = {{name, "1"}}}).to_string();
  };
  EXPECT_THAT(refused("transactional.id"), AllOf(HasSubstr("invalid_argument"), HasSubstr(".instance")));
  EXPECT_THAT(refused("transaction.timeout.ms"), HasSubstr(".transaction_timeout"));
  EXPECT_THAT(refused("enable.idempotence"), HasSubstr("kAtLeastOnce"));
  EXPECT_THAT(refused("acks"), HasSubstr("waits for all replicas"));
}

}  // namespace
}  // namespace millstream::inline v0
