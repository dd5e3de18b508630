package peers;

import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.jet.Job;
import com.hazelcast.jet.Traverser;
import com.hazelcast.jet.Traversers;
import com.hazelcast.jet.accumulator.LongAccumulator;
import com.hazelcast.jet.accumulator.LongLongAccumulator;
import com.hazelcast.jet.aggregate.AggregateOperation;
import com.hazelcast.jet.aggregate.AggregateOperation1;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.core.AbstractProcessor;
import com.hazelcast.jet.core.BroadcastKey;
import com.hazelcast.jet.core.EventTimeMapper;
import com.hazelcast.jet.core.EventTimePolicy;
import com.hazelcast.jet.core.Inbox;
import com.hazelcast.jet.core.JobStatus;
import com.hazelcast.jet.core.ProcessorMetaSupplier;
import com.hazelcast.jet.core.ProcessorSupplier;
import com.hazelcast.jet.core.Watermark;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sink;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.Sources;
import com.hazelcast.jet.pipeline.StreamSource;
import com.hazelcast.jet.pipeline.WindowDefinition;
import java.util.concurrent.CancellationException;

/** The works by Hazelcast Jet, in one embedded member with one cooperative thread. */
public final class JetPeer extends Peer {
    private HazelcastInstance member;

    public static void main(String[] arguments) {
        new JetPeer().serve(arguments);
    }

    @Override
    protected String version() {
        return member.getCluster().getLocalMember().getVersion().toString();
    }

    @Override
    protected void open() {
        Config config = new Config().setClusterName("peers");
        config.getJetConfig().setEnabled(true).setCooperativeThreadCount(1);
        // A member by itself: it looks for no others and calls nobody.
        config.setProperty("hazelcast.phone.home.enabled", "false");
        config.setProperty("hazelcast.socket.bind.any", "false");
        config.getNetworkConfig().getInterfaces().setEnabled(true).addInterface("127.0.0.1");
        config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
        config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
        member = Hazelcast.newHazelcastInstance(config);
    }

    @Override
    protected void run(Work work) throws Exception {
        JobConfig config = new JobConfig();
        if (checkpointMillis > 0) {
            config.setProcessingGuarantee(ProcessingGuarantee.EXACTLY_ONCE)
                .setSnapshotIntervalMillis(checkpointMillis);
        }
        if (work.kind == Work.Kind.KAFKA) {
            runToCommit(member.getJet().newJob(JetKafka.declare(this, work), config));
        } else {
            member.getJet().newJob(declare(work), config).join();
        }
    }

    /** Suspending takes a last snapshot and commits what belongs to it. */
    private static void runToCommit(Job job) throws Exception {
        while (!JetKafka.awaitAll()) joinIfFailed(job);
        job.suspend();
        while (job.getStatus() != JobStatus.SUSPENDED) {
            joinIfFailed(job);
            Thread.sleep(1);
        }
        Meter.committed();
        job.cancel();
        try {
            job.join();
        } catch (CancellationException expected) {
            // as wanted
        }
    }

    private static void joinIfFailed(Job job) {
        if (job.getStatus() == JobStatus.FAILED) job.join();  // throws
    }

    private static Pipeline declare(Work work) {
        Pipeline pipeline = Pipeline.create();
        var source = pipeline.readFrom(events());
        switch (work.kind) {
            case MAP_FILTER -> source.withoutTimestamps().setLocalParallelism(1)
                .map(Work::toEuro).setLocalParallelism(1)
                .filter(Work::isLarge).setLocalParallelism(1)
                .writeTo(fold());
            case REDUCE -> source.withoutTimestamps().setLocalParallelism(1)
                .groupingKey(event -> event.key)
                .mapStateful(LongAccumulator::new, (sum, key, event) -> {
                    sum.add(event.value);
                    return new Event(event.key, sum.get(), event.at);
                }).setLocalParallelism(1)
                .writeTo(fold());
            case WINDOWS -> source.withTimestamps(event -> event.at, 0).setLocalParallelism(1)
                .groupingKey(event -> event.key)
                .window(work.slides == 1 ? WindowDefinition.tumbling(1000)
                                         : WindowDefinition.sliding(work.slides * 1000L, 1000))
                .aggregate(countSum()).setLocalParallelism(1)
                .map(result -> new WindowSum(result.key(), result.result().count, result.result().sum, result.end()))
                .setLocalParallelism(1)
                .writeTo(fold());
            default -> throw new IllegalArgumentException(work.name());
        }
        return pipeline;
    }

    private static AggregateOperation1<Event, ?, CountSum> countSum() {
        return AggregateOperation.withCreate(LongLongAccumulator::new)
            .<Event>andAccumulate((all, event) -> {
                all.set1(all.get1() + 1);
                all.set2(all.get2() + event.value);
            })
            .andCombine((all, other) -> {
                all.set1(all.get1() + other.get1());
                all.set2(all.get2() + other.get2());
            })
            .andDeduct((all, other) -> {
                all.set1(all.get1() - other.get1());
                all.set2(all.get2() - other.get2());
            })
            .andExportFinish(all -> new CountSum(all.get1(), all.get2()));
    }

    private static StreamSource<Event> events() {
        return Sources.streamFromProcessorWithWatermarks("events", false,
            policy -> ProcessorMetaSupplier.forceTotalParallelismOne(
                ProcessorSupplier.of(() -> new EventProcessor(policy))));
    }

    private static Sink<Object> fold() {
        return Sinks.fromProcessor("fold", ProcessorMetaSupplier.of(1, FoldProcessor::new));
    }

    /** Reads {@link Events}, some at a time; a snapshot has the number of the next one. */
    private static final class EventProcessor extends AbstractProcessor {
        private static final int CHUNK = 1024;
        private final EventTimeMapper<Event> mapper;
        private Traverser<Object> chunk = Traversers.empty();
        private int next;
        private boolean begun;

        EventProcessor(EventTimePolicy<? super Event> policy) {
            mapper = new EventTimeMapper<>(policy);
            mapper.addPartitions(1);
        }

        @Override
        public boolean complete() {
            if (!begun) Meter.read();
            begun = true;
            while (emitFromTraverser(chunk)) {
                if (next == Events.size()) return true;
                int end = Math.min(next + CHUNK, Events.size());
                if (Schedule.isPaced()) end = Math.min(end, Schedule.due());
                if (end <= next) return false;  // none is due
                chunk = chunkFrom(next, end);
            }
            return false;
        }

        private Traverser<Object> chunkFrom(int begin, int end) {
            long now = System.nanoTime();
            next = end;
            int[] at = {begin};
            Traverser<Event> events = () -> at[0] < end ? Events.get(at[0]++) : null;
            return events.flatMap(event -> mapper.flatMapEvent(now, event, 0, EventTimeMapper.NO_NATIVE_TIME));
        }

        @Override
        public boolean saveToSnapshot() {
            // What was taken out of the input must be in front of the barrier.
            return emitFromTraverser(chunk)
                && tryEmitToSnapshot(BroadcastKey.broadcastKey("next"), new long[] {next, mapper.getWatermark(0)});
        }

        @Override
        protected void restoreFromSnapshot(Object key, Object value) {
            long[] saved = (long[]) value;
            next = (int) saved[0];
            mapper.restoreWatermark(0, saved[1]);
        }
    }

    private static final class FoldProcessor extends AbstractProcessor {
        private final Meter.Fold fold = new Meter.Fold();

        @Override
        public void process(int ordinal, Inbox inbox) {
            for (Object item = inbox.poll(); item != null; item = inbox.poll()) {
                if (item instanceof Event event) {
                    fold.add(event);
                } else {
                    fold.add((WindowSum) item);
                }
            }
        }

        @Override
        public boolean tryProcessWatermark(Watermark watermark) {
            return true;
        }

        @Override
        public boolean complete() {
            fold.end();
            return true;
        }
    }
}
