package peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** The works by Flink's DataStream API (those of Kafka and Nexmark beside it), with parallelism 1, in one MiniCluster that stays up. */
public final class FlinkPeer extends Peer {
    private MiniCluster cluster;

    public static void main(String[] arguments) {
        new FlinkPeer().serve(arguments);
    }

    @Override
    protected String version() {
        return EnvironmentInformation.getVersion();
    }

    @Override
    protected void open() throws Exception {
        Configuration configuration = new Configuration();
        configuration.setString("rest.address", "localhost");
        configuration.setString("rest.bind-address", "localhost");
        configuration.setString("jobmanager.bind-host", "localhost");
        configuration.setString("taskmanager.bind-host", "localhost");
        cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
            .setConfiguration(configuration)
            .setCommonBindAddress("localhost")
            .withRandomPorts()
            .setNumTaskManagers(1)
            .setNumSlotsPerTaskManager(1)
            .build());
        cluster.start();
    }

    @Override
    protected void run(Work work) throws Exception {
        StreamExecutionEnvironment environment = environment(work.rate > 0);
        switch (work.kind) {
            case KAFKA -> {
                FlinkKafka.declare(environment, this, work);
                cluster.executeJobBlocking(environment.getStreamGraph().getJobGraph());
                Meter.committed();
                return;
            }
            case NEXMARK -> FlinkNexmark.declare(environment, work);
            default -> declare(environment, work);
        }
        cluster.executeJobBlocking(environment.getStreamGraph().getJobGraph());
    }

    @Override
    protected void recover(int number) throws Exception {
        StreamExecutionEnvironment environment = environment(false);
        FlinkKafka.declareRecovery(environment, this, number);
        JobGraph graph = environment.getStreamGraph().getJobGraph();
        Path newest = newestCheckpoint();
        if (newest != null) {
            graph.setSavepointRestoreSettings(SavepointRestoreSettings.forPath(newest.toUri().toString()));
        }
        cluster.executeJobBlocking(graph);
    }

    /** The folder of the newest checkpoint that is whole; null = there is none. */
    private Path newestCheckpoint() throws IOException {
        try (Stream<Path> files = Files.walk(Files.createDirectories(Path.of(folder)), 3)) {
            return files.filter(file -> file.endsWith("_metadata"))
                .max(Comparator.comparingLong(file -> file.toFile().lastModified()))
                .map(Path::getParent).orElse(null);
        }
    }

    private StreamExecutionEnvironment environment(boolean paced) {
        Configuration configuration = new Configuration();
        configuration.setString("execution.runtime-mode", "STREAMING");
        configuration.setString("parallelism.default", "1");
        configuration.setString("pipeline.object-reuse", "true");
        configuration.setString("pipeline.generic-types", "false");
        configuration.setString("state.backend.type", "hashmap");
        if (checkpointMillis > 0) {
            configuration.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
            configuration.setString("execution.checkpointing.interval", checkpointMillis + " ms");
            configuration.setString("execution.checkpointing.storage", "filesystem");
            configuration.setString("execution.checkpointing.dir", Path.of(folder).toUri().toString());
            configuration.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        }
        if (paced) configuration.setString("execution.buffer-timeout.interval", "0 ms");  // each record at once
        return StreamExecutionEnvironment.getExecutionEnvironment(configuration);
    }

    private static void declare(StreamExecutionEnvironment environment, Work work) {
        WatermarkStrategy<Event> watermarks = work.kind == Work.Kind.WINDOWS
            ? WatermarkStrategy.forMonotonousTimestamps()
            : WatermarkStrategy.noWatermarks();
        SingleOutputStreamOperator<Event> events =
            environment.fromSource(new EventSource<>(new EventSource.NumberedFeed()), watermarks, "events", FlatType.EVENT);
        if (work.kind == Work.Kind.MAP_FILTER) {
            events.map(Work::toEuro).returns(FlatType.EVENT).filter(Work::isLarge).sinkTo(new FoldSink<>());
            return;
        }
        KeyedStream<Event, Long> keyed = events.keyBy(event -> event.key, Types.LONG);
        if (work.kind == Work.Kind.REDUCE) {
            keyed.reduce((sum, next) -> new Event(sum.key, sum.value + next.value, next.at)).sinkTo(new FoldSink<>());
            return;
        }
        Duration slide = Duration.ofSeconds(1);
        keyed
            .window(work.slides == 1 ? TumblingEventTimeWindows.of(slide)
                                     : SlidingEventTimeWindows.of(slide.multipliedBy(work.slides), slide))
            .aggregate(new Aggregate(), new ToWindowSum(), FlatType.COUNT_SUM, FlatType.WINDOW_SUM)
            .sinkTo(new FoldSink<>());
    }

    private static final class Aggregate implements AggregateFunction<Event, CountSum, CountSum> {
        @Override
        public CountSum createAccumulator() {
            return new CountSum();
        }

        @Override
        public CountSum add(Event event, CountSum all) {
            all.add(event);
            return all;
        }

        @Override
        public CountSum getResult(CountSum all) {
            return all;
        }

        @Override
        public CountSum merge(CountSum all, CountSum other) {
            all.add(other);
            return all;
        }
    }

    private static final class ToWindowSum implements WindowFunction<CountSum, WindowSum, Long, TimeWindow> {
        @Override
        public void apply(Long key, TimeWindow window, Iterable<CountSum> sums, Collector<WindowSum> out) {
            CountSum all = sums.iterator().next();
            out.collect(new WindowSum(key, all.count, all.sum, window.getEnd()));
        }
    }

    static final class FoldSink<T> implements Sink<T> {
        @Override
        public SinkWriter<T> createWriter(WriterInitContext context) {
            Meter.Fold fold = new Meter.Fold();
            return new SinkWriter<>() {
                @Override
                public void write(T item, Context ignored) {
                    if (item instanceof Event event) {
                        fold.add(event);
                    } else if (item instanceof Nexmark.Result result) {
                        fold.add(result.hash());
                    } else {
                        fold.add((WindowSum) item);
                    }
                }

                @Override
                public void flush(boolean endOfInput) {
                    if (endOfInput) fold.end();
                }

                @Override
                public void close() {}
            };
        }
    }
}
