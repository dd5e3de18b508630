package peers;

import com.hazelcast.function.FunctionEx;
import com.hazelcast.jet.accumulator.LongAccumulator;
import com.hazelcast.jet.kafka.KafkaSinks;
import com.hazelcast.jet.kafka.KafkaSources;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sink;
import com.hazelcast.jet.pipeline.StreamStage;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The works from Kafka to Kafka, by Jet's connector in transactions. */
final class JetKafka {
    /** Of the one run that this process has under way: Jet's source has no end. */
    private static final AtomicInteger LEFT = new AtomicInteger();
    private static volatile CountDownLatch all;

    private JetKafka() {}

    /** Of the input or the output. */
    record Message(byte[] key, byte[] value, int partition) implements java.io.Serializable {}

    static Pipeline declare(Peer peer, Work work) {
        LEFT.set(peer.records);
        all = new CountDownLatch(1);
        Pipeline pipeline = Pipeline.create();
        StreamStage<Message> messages = pipeline
            .readFrom(KafkaSources.<byte[], byte[], Message>kafka(source(peer), JetKafka::take, peer.input))
            .withoutTimestamps().setLocalParallelism(1);
        (work == Work.KAFKA_COPY ? messages : counted(messages)).writeTo(sink(peer)).setLocalParallelism(1);
        return pipeline;
    }

    /** Whether all messages have come, for which it waits a while; what they led to is not yet committed. */
    static boolean awaitAll() throws InterruptedException {
        return all.await(10, TimeUnit.MILLISECONDS);
    }

    private static Message take(ConsumerRecord<byte[], byte[]> record) {
        Meter.came();
        return new Message(record.key(), record.value(), record.partition());
    }

    private static StreamStage<Message> counted(StreamStage<Message> messages) {
        return messages
            .groupingKey(message -> new String(message.key(), StandardCharsets.ISO_8859_1))
            .mapStateful(LongAccumulator::new, (count, key, message) -> {
                count.add(1);
                byte[] value = Long.toString(count.get()).getBytes(StandardCharsets.ISO_8859_1);
                return new Message(message.key(), value, message.partition());
            }).setLocalParallelism(1);
    }

    private static Sink<Message> sink(Peer peer) {
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", peer.brokers);
        properties.setProperty("key.serializer", ByteArraySerializer.class.getName());
        properties.setProperty("value.serializer", ByteArraySerializer.class.getName());
        properties.setProperty("transaction.timeout.ms", "600000");
        properties.setProperty("linger.ms", "5");
        properties.setProperty("compression.type", "lz4");
        properties.setProperty("batch.size", "262144");
        String topic = peer.output;
        FunctionEx<Message, ProducerRecord<byte[], byte[]>> write = message -> {
            if (LEFT.decrementAndGet() == 0) all.countDown();
            return new ProducerRecord<>(topic, message.partition(), message.key(), message.value());
        };
        return KafkaSinks.<Message>kafka(properties).toRecordFn(write).exactlyOnce(true).build();
    }

    private static Properties source(Peer peer) {
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", peer.brokers);
        properties.setProperty("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.setProperty("value.deserializer", ByteArrayDeserializer.class.getName());
        properties.setProperty("auto.offset.reset", "earliest");
        properties.setProperty("isolation.level", "read_committed");
        properties.setProperty("max.poll.records", "5000");
        return properties;
    }
}
