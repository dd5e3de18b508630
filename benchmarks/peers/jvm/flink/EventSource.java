package peers;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
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

/** The input as one split, some records at a time; a checkpoint has the position of the next one. */
final class EventSource<T> implements Source<T, EventSource.Rest, Boolean> {
    /** The records of the input. */
    interface Feed<T> extends Serializable {
        /** Behind the last one. */
        int end();

        /** Emits so many at the most from that position on; returns the next position. */
        int emit(int position, int most, ReaderOutput<T> output);
    }

    /** {@link Events}, whose positions are their numbers. */
    static final class NumberedFeed implements Feed<Event> {
        @Override
        public int end() {
            return Events.size();
        }

        @Override
        public int emit(int position, int most, ReaderOutput<Event> output) {
            int end = Math.min(position + most, Events.size());
            for (; position < end; ++position) {
                Event event = Events.get(position);
                output.collect(event, event.at);
            }
            return position;
        }
    }

    /** {@link EncodedEvents}, whose positions are places among the bytes. */
    static final class EncodedFeed implements Feed<Nexmark.Event> {
        @Override
        public int end() {
            return EncodedEvents.size();
        }

        @Override
        public int emit(int position, int most, ReaderOutput<Nexmark.Event> output) {
            EncodedEvents.Reader reader = new EncodedEvents.Reader(position);
            for (int i = 0; i < most && !reader.done(); ++i) output.collect(reader.next());
            return reader.position();
        }
    }

    /** What is still to be read begins here. */
    record Rest(int next) implements SourceSplit {
        @Override
        public String splitId() {
            return "events";
        }
    }

    private final Feed<T> feed;

    EventSource(Feed<T> feed) {
        this.feed = feed;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<T, Rest> createReader(SourceReaderContext context) {
        return new Reader<>(feed);
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

    private static final class Reader<T> implements SourceReader<T, Rest> {
        /** Emitted in one call: more than the one that Flink recommends, for its own benefit. */
        private static final int CHUNK = 256;
        private final Feed<T> feed;
        private final CompletableFuture<Void> assigned = new CompletableFuture<>();
        private final Waker waker = Schedule.isPaced() ? new Waker() : null;
        private int next = -1;
        private boolean begun;
        private boolean noMore;

        Reader(Feed<T> feed) {
            this.feed = feed;
        }

        @Override
        public void start() {}

        @Override
        public InputStatus pollNext(ReaderOutput<T> output) {
            if (next < 0) return noMore ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
            if (!begun) Meter.read();
            begun = true;
            int most = CHUNK;
            if (waker != null) {
                most = Math.min(most, Schedule.due() - next);
                if (most <= 0) return InputStatus.NOTHING_AVAILABLE;
            }
            next = feed.emit(next, most, output);
            return next < feed.end() ? InputStatus.MORE_AVAILABLE : InputStatus.END_OF_INPUT;
        }

        @Override
        public List<Rest> snapshotState(long checkpoint) {
            return next < 0 ? List.of() : List.of(new Rest(next));
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return waker == null || !begun ? assigned : waker.at(next);
        }

        @Override
        public void addSplits(List<Rest> splits) {
            next = splits.get(0).next();
            assigned.complete(null);
        }

        @Override
        public void notifyNoMoreSplits() {
            noMore = true;
            assigned.complete(null);
        }

        @Override
        public void close() {
            if (waker != null) waker.end();
        }
    }

    /** A thread that sleeps until the next record is due, for the task to do other things meanwhile. */
    private static final class Waker {
        private record Alarm(int number, CompletableFuture<Void> due) {}

        private volatile Alarm alarm;
        private volatile boolean ended;
        private final Thread thread = new Thread(this::run, "waker");

        Waker() {
            thread.setDaemon(true);
            thread.start();
        }

        CompletableFuture<Void> at(int number) {
            // A task asks again and again, and waits for any of the answers.
            Alarm pending = alarm;
            if (pending != null && pending.number() == number) return pending.due();
            if (Schedule.nanosUntil(number) <= 0) return CompletableFuture.completedFuture(null);
            Alarm next = new Alarm(number, new CompletableFuture<>());
            alarm = next;
            LockSupport.unpark(thread);
            return next.due();
        }

        void end() {
            ended = true;
            LockSupport.unpark(thread);
        }

        private void run() {
            while (!ended) {
                Alarm next = alarm;
                if (next == null || next.due().isDone()) {
                    LockSupport.park();
                    continue;
                }
                long nanos = Schedule.nanosUntil(next.number());
                if (nanos > 0) {
                    LockSupport.parkNanos(nanos);
                } else {
                    next.due().complete(null);
                }
            }
        }
    }
}
