package peers;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** {@link Events} as one split, some at a time; a checkpoint has the number of the next one. */
final class EventSource implements Source<Event, EventSource.Rest, Boolean> {
    /** What is still to be read begins here. */
    record Rest(int next) implements SourceSplit {
        @Override
        public String splitId() {
            return "events";
        }
    }

    private final int size;

    EventSource(int size) {
        this.size = size;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<Event, Rest> createReader(SourceReaderContext context) {
        return new Reader(size);
    }

    @Override
    public SplitEnumerator<Rest, Boolean> createEnumerator(SplitEnumeratorContext<Rest> context) {
        return new Enumerator(context, new Rest(0));
    }

    @Override
    public SplitEnumerator<Rest, Boolean> restoreEnumerator(SplitEnumeratorContext<Rest> context, Boolean assigned) {
        return new Enumerator(context, assigned ? null : new Rest(0));
    }

    @Override
    public SimpleVersionedSerializer<Rest> getSplitSerializer() {
        return new SimpleVersionedSerializer<>() {
            @Override
            public int getVersion() {
                return 1;
            }

            @Override
            public byte[] serialize(Rest rest) {
                return ByteBuffer.allocate(Integer.BYTES).putInt(rest.next()).array();
            }

            @Override
            public Rest deserialize(int version, byte[] bytes) {
                return new Rest(ByteBuffer.wrap(bytes).getInt());
            }
        };
    }

    @Override
    public SimpleVersionedSerializer<Boolean> getEnumeratorCheckpointSerializer() {
        return new SimpleVersionedSerializer<>() {
            @Override
            public int getVersion() {
                return 1;
            }

            @Override
            public byte[] serialize(Boolean assigned) {
                return new byte[] {(byte) (assigned ? 1 : 0)};
            }

            @Override
            public Boolean deserialize(int version, byte[] bytes) {
                return bytes[0] == 1;
            }
        };
    }

    private static final class Enumerator implements SplitEnumerator<Rest, Boolean> {
        private final SplitEnumeratorContext<Rest> context;
        private Rest unassigned;

        Enumerator(SplitEnumeratorContext<Rest> context, Rest unassigned) {
            this.context = context;
            this.unassigned = unassigned;
        }

        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int reader, String host) {}

        @Override
        public void addSplitsBack(List<Rest> splits, int reader) {
            if (!splits.isEmpty()) unassigned = splits.get(0);
        }

        @Override
        public void addReader(int reader) {
            if (unassigned != null) context.assignSplit(unassigned, reader);
            unassigned = null;
            context.signalNoMoreSplits(reader);
        }

        @Override
        public Boolean snapshotState(long checkpoint) {
            return unassigned == null;
        }

        @Override
        public void close() {}
    }

    private static final class Reader implements SourceReader<Event, Rest> {
        /** Emitted in one call: more than the one that Flink recommends, for its own benefit. */
        private static final int CHUNK = 256;
        private final int size;
        private final CompletableFuture<Void> available = new CompletableFuture<>();
        private int next = -1;
        private boolean noMore;

        Reader(int size) {
            this.size = size;
        }

        @Override
        public void start() {}

        @Override
        public InputStatus pollNext(ReaderOutput<Event> output) {
            if (next < 0) return noMore ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
            if (next == 0) Meter.read();
            int end = Math.min(next + CHUNK, size);
            for (; next < end; ++next) {
                Event event = Events.get(next);
                output.collect(event, event.at);
            }
            return next < size ? InputStatus.MORE_AVAILABLE : InputStatus.END_OF_INPUT;
        }

        @Override
        public List<Rest> snapshotState(long checkpoint) {
            return next < 0 ? List.of() : List.of(new Rest(next));
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return available;
        }

        @Override
        public void addSplits(List<Rest> splits) {
            next = splits.get(0).next();
            available.complete(null);
        }

        @Override
        public void notifyNoMoreSplits() {
            noMore = true;
            available.complete(null);
        }

        @Override
        public void close() {}
    }
}
