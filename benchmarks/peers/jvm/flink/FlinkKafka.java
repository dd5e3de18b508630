package peers;

import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/** The works from Kafka to Kafka, by KafkaSource and by KafkaSink in transactions. */
final class FlinkKafka {
    private static final TypeInformation<Message> MESSAGE = TextType.chained(Message.class);

    private FlinkKafka() {}

    /** Of the input or the output. */
    record Message(byte[] key, byte[] value, int partition) {}

    static void declare(StreamExecutionEnvironment environment, Peer peer, Work work) {
        KafkaSource<Message> source = source(peer).setBounded(OffsetsInitializer.latest()).build();
        DataStream<Message> messages = environment
            .fromSource(source, WatermarkStrategy.noWatermarks(), "messages", MESSAGE)
            .map(message -> {
                Meter.came();
                return message;
            }).returns(MESSAGE);
        (work == Work.KAFKA_COPY ? messages : counted(messages, "")).sinkTo(sink(peer));
    }

    static void declareRecovery(StreamExecutionEnvironment environment, Peer peer, int number) {
        DataStream<Message> messages =
            environment.fromSource(source(peer).build(), WatermarkStrategy.noWatermarks(), "messages", MESSAGE);
        counted(messages, number + " ").sinkTo(sink(peer));
    }

    private static SingleOutputStreamOperator<Message> counted(DataStream<Message> messages, String prefix) {
        return messages
            .map(message -> new String(message.key(), StandardCharsets.ISO_8859_1)).returns(Types.STRING)
            .keyBy(key -> key, Types.STRING)
            .process(new Count(prefix), MESSAGE);
    }

    private static KafkaSourceBuilder<Message> source(Peer peer) {
        return KafkaSource.<Message>builder()
            .setBootstrapServers(peer.brokers)
            .setTopics(peer.input)
            .setGroupId(peer.output)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setProperty("isolation.level", "read_committed")
            .setProperty("max.poll.records", "5000")
            .setDeserializer(new Deserializer());
    }

    private static KafkaSink<Message> sink(Peer peer) {
        Properties properties = new Properties();
        properties.setProperty("transaction.timeout.ms", "600000");
        properties.setProperty("linger.ms", "5");
        properties.setProperty("compression.type", "lz4");
        properties.setProperty("batch.size", "262144");
        String topic = peer.output;
        return KafkaSink.<Message>builder()
            .setBootstrapServers(peer.brokers)
            .setKafkaProducerConfig(properties)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(topic)
            .setRecordSerializer((KafkaRecordSerializationSchema<Message>) (message, context, at) ->
                new ProducerRecord<>(topic, message.partition(), message.key(), message.value()))
            .build();
    }

    private static final class Deserializer implements KafkaRecordDeserializationSchema<Message> {
        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Message> out) {
            out.collect(new Message(record.key(), record.value(), record.partition()));
        }

        @Override
        public TypeInformation<Message> getProducedType() {
            return MESSAGE;
        }
    }

    private static final class Count extends KeyedProcessFunction<String, String, Message> {
        private final String prefix;
        private transient ValueState<Long> counts;

        Count(String prefix) {
            this.prefix = prefix;
        }

        @Override
        public void open(OpenContext context) {
            counts = getRuntimeContext().getState(new ValueStateDescriptor<>("counts", Types.LONG));
        }

        @Override
        public void processElement(String key, Context context, Collector<Message> out) throws Exception {
            Long before = counts.value();
            long count = before == null ? 1 : before + 1;
            counts.update(count);
            out.collect(new Message(key.getBytes(StandardCharsets.ISO_8859_1),
                (prefix + count).getBytes(StandardCharsets.ISO_8859_1), Integer.parseInt(key) % Kafka.PARTITIONS));
        }
    }
}
