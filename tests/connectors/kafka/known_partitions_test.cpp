// What a client knows of the partitions of a topic: batch calls lose messages for one that is not there.
#include <gmock/gmock.h>

#include "connectors/kafka/librdkafka_handle.hpp"
#include "connectors/kafka/librdkafka_producer.hpp"
#include "connectors/kafka/mock_cluster.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::detail::Deadline;
using kafka::detail::LibrdkafkaHandle;
using kafka::detail::OutgoingMessage;
using testing::MockCluster;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

/// What became of messages.
struct Answers final : kafka::detail::DeliveryLog {
  std::size_t arrived = 0;
  std::size_t lost = 0;
  void delivered(std::size_t messages, std::size_t) override { arrived += messages; }
  void failed(std::size_t, Status) override { ++lost; }
};

class KafkaKnownPartitions : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster.create("one", 2);
    cluster.create("other", 3);
    const auto configuration = kafka::detail::producer_configuration({.brokers = cluster.brokers(),
                                                                      .topic = "one",
                                                                      .guarantee = kafka::Guarantee::kAtLeastOnce,
                                                                      .buffer_bytes_max = std::size_t{1} << 20,
                                                                      .connect_timeout = 10s});
    ASSERT_TRUE(configuration) << configuration.error().to_string();
    auto made = kafka::detail::producer_handle(*configuration);
    ASSERT_TRUE(made) << made.error().to_string();
    handle = *std::move(made);
    for (const char* topic : {"one", "other"}) {
      Deadline deadline{10s};
      ASSERT_TRUE(handle->partitions(topic, deadline));
    }
  }
  MockCluster cluster;
  std::shared_ptr<LibrdkafkaHandle> handle;
};

TEST_F(KafkaKnownPartitions, AreForgottenForOneTopicAndKnownWhenTheyAreAskedForAgain) {
  EXPECT_EQ(handle->known_topic("one").partitions, 2);
  handle->forget_partitions(handle->topic("one"));
  EXPECT_EQ(handle->known_topic("one").partitions, 0);
  EXPECT_EQ(handle->known_topic("other").partitions, 3);
  EXPECT_EQ(handle->known_topic("one").native, handle->topic("one"))
      << "its handle stays: messages are under way by it";
  Deadline deadline{10s};
  const Result<std::int32_t> again = handle->partitions("one", deadline);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(handle->known_topic("one").partitions, 2);
}

// They go one by one then, and none of them is lost.
TEST_F(KafkaKnownPartitions, ThatAreForgottenTakeMessagesAllTheSame) {
  handle->forget_partitions(handle->topic("one"));
  const auto producer = kafka::detail::producer_on(handle);
  Answers answers;
  const std::vector<OutgoingMessage> messages{
      {.value = "a", .partition = 0}, {.value = "b", .partition = 1}, {.value = "c", .partition = -1}};
  EXPECT_TRUE(producer->produce("one", messages, answers).ok());
  EXPECT_TRUE(test::eventually([&] {
    producer->flush(10ms);
    return answers.arrived == 3;
  }));
  EXPECT_EQ(answers.lost, 0U);
}

// One that the topic does not have is refused, and those around it are not.
TEST_F(KafkaKnownPartitions, AMessageForOneThatIsNotThereIsAFailureOfItsOwn) {
  const auto producer = kafka::detail::producer_on(handle);
  Answers answers;
  const std::vector<OutgoingMessage> messages{
      {.value = "a", .partition = 0}, {.value = "b", .partition = 7}, {.value = "c", .partition = 1}};
  static_cast<void>(producer->produce("one", messages, answers));
  EXPECT_TRUE(test::eventually([&] {
    producer->flush(10ms);
    return answers.arrived + answers.lost == 3;
  }));
  EXPECT_EQ(answers.arrived, 2U);
  EXPECT_EQ(answers.lost, 1U);
}

}  // namespace
}  // namespace millstream::inline v0
