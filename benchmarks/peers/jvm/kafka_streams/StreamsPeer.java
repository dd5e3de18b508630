package peers;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.internals.DefaultKafkaClientSupplier;
import org.apache.kafka.streams.state.Stores;

/** The works from Kafka to Kafka by Kafka Streams, with one thread, exactly once. */
public final class StreamsPeer extends Peer {
    private static final String STORE = "counts";

    public static void main(String[] arguments) {
        new StreamsPeer().serve(arguments);
    }

    @Override
    protected String version() {
        Properties said = new Properties();
        try (InputStream file = KafkaStreams.class.getResourceAsStream("/kafka/kafka-streams-version.properties")) {
            if (file != null) said.load(file);
        } catch (IOException unreadable) {
            return "unknown";
        }
        return said.getProperty("version", "unknown");
    }

    @Override
    protected void run(Work work) throws Exception {
        CountDownLatch all = new CountDownLatch(1);
        AtomicInteger taken = new AtomicInteger();
        StreamsBuilder builder = new StreamsBuilder();
        Runnable came = () -> {
            Meter.came();
            if (taken.incrementAndGet() == records) all.countDown();
        };
        if (work == Work.KAFKA_COPY) {
            KStream<byte[], byte[]> messages =
                builder.stream(input, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()));
            messages.peek((key, value) -> came.run())
                .to(output, Produced.with(Serdes.ByteArray(), Serdes.ByteArray(), byNumber(key -> new String(key))));
        } else {
            counted(builder, came, "");
        }
        Throwable[] failed = {null};
        try (KafkaStreams streams = new KafkaStreams(builder.build(), properties(), new MeteredClients())) {
            streams.setUncaughtExceptionHandler(error -> {
                failed[0] = error;
                all.countDown();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            all.await();
            streams.close();  // commits what it has done
            streams.cleanUp();
        }
        if (failed[0] != null) throw new IllegalStateException(failed[0]);
        if (work == Work.KAFKA_KEYED) forgetChangelog();
    }

    @Override
    protected void recover(int number) throws Exception {
        StreamsBuilder builder = new StreamsBuilder();
        counted(builder, () -> {}, number + " ");
        Properties properties = properties();
        // Static membership: else the group would wait until the member that was killed has timed out.
        properties.put(StreamsConfig.consumerPrefix("group.instance.id"), "one");
        CountDownLatch ended = new CountDownLatch(1);
        KafkaStreams streams = new KafkaStreams(builder.build(), properties);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            ended.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        ended.await();
    }

    private void counted(StreamsBuilder builder, Runnable came, String prefix) {
        builder.stream(input, Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .groupByKey()
            .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore(STORE))
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
            .toStream()
            .peek((key, count) -> came.run())
            .mapValues(count -> prefix + count)
            .to(output, Produced.with(Serdes.String(), Serdes.String(), byNumber(key -> key)));
    }

    private static <K, V> StreamPartitioner<K, V> byNumber(java.util.function.Function<K, String> text) {
        return (topic, key, value, partitions) ->
            Optional.of(Set.of(Integer.parseInt(text.apply(key)) % Kafka.PARTITIONS));
    }

    private Properties properties() {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, output);
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, Path.of(folder).toString());
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, (int) checkpointMillis);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        // A result for each message, as the others give.
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        properties.put(StreamsConfig.consumerPrefix("max.poll.records"), 5000);
        properties.put(StreamsConfig.producerPrefix("linger.ms"), 5);
        properties.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        properties.put(StreamsConfig.producerPrefix("batch.size"), 262144);
        return properties;
    }

    private void forgetChangelog() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            admin.deleteTopics(Set.of(output + "-" + STORE + "-changelog")).all().get();
        }
    }

    /** Notes when a transaction is committed. */
    private static final class MeteredClients extends DefaultKafkaClientSupplier {
        @Override
        public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
            return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer()) {
                @Override
                public void commitTransaction() {
                    super.commitTransaction();
                    Meter.committed();
                }
            };
        }
    }
}
