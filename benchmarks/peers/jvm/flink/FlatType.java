package peers;

import java.io.IOException;
import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Types with serializers written by hand: Flink's own for such classes sets fields by reflection. */
final class FlatType<T> extends TypeInformation<T> {
    static final FlatType<Event> EVENT = new FlatType<>(Event.class, new EventSerializer());
    static final FlatType<CountSum> COUNT_SUM = new FlatType<>(CountSum.class, new CountSumSerializer());
    static final FlatType<WindowSum> WINDOW_SUM = new FlatType<>(WindowSum.class, new WindowSumSerializer());

    static final FlatType<Nexmark.HotAuction> HOT_AUCTION =
        new FlatType<>(Nexmark.HotAuction.class, new HotAuctionSerializer());

    private final Class<T> type;
    private final TypeSerializer<T> serializer;

    FlatType(Class<T> type, TypeSerializer<T> serializer) {
        this.type = type;
        this.serializer = serializer;
    }

    @Override
    public boolean isBasicType() {
        return false;
    }

    @Override
    public boolean isTupleType() {
        return false;
    }

    @Override
    public int getArity() {
        return 1;
    }

    @Override
    public int getTotalFields() {
        return 1;
    }

    @Override
    public Class<T> getTypeClass() {
        return type;
    }

    @Override
    public boolean isKeyType() {
        return false;
    }

    @Override
    public TypeSerializer<T> createSerializer(SerializerConfig config) {
        return serializer;
    }

    @Override
    public String toString() {
        return type.getSimpleName();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof FlatType<?> flat && flat.type == type;
    }

    @Override
    public int hashCode() {
        return type.hashCode();
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof FlatType<?>;
    }

    /** Some longs in a row. */
    abstract static class Flat<T> extends TypeSerializerSingleton<T> {
        private final int longs;

        Flat(int longs) {
            this.longs = longs;
        }

        @Override
        public boolean isImmutableType() {
            return false;
        }

        @Override
        public T copy(T from, T reuse) {
            return copy(from);
        }

        @Override
        public int getLength() {
            return longs * Long.BYTES;
        }

        @Override
        public T deserialize(T reuse, DataInputView in) throws IOException {
            return deserialize(in);
        }

        @Override
        public void copy(DataInputView in, DataOutputView out) throws IOException {
            out.write(in, getLength());
        }
    }

    static final class EventSerializer extends Flat<Event> {
        EventSerializer() {
            super(3);
        }

        @Override
        public Event createInstance() {
            return new Event();
        }

        @Override
        public Event copy(Event from) {
            return new Event(from.key, from.value, from.at);
        }

        @Override
        public void serialize(Event event, DataOutputView out) throws IOException {
            out.writeLong(event.key);
            out.writeLong(event.value);
            out.writeLong(event.at);
        }

        @Override
        public Event deserialize(DataInputView in) throws IOException {
            return new Event(in.readLong(), in.readLong(), in.readLong());
        }

        @Override
        public TypeSerializerSnapshot<Event> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Made by Flink when it restores. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<Event> {
            public Snapshot() {
                super(EventSerializer::new);
            }
        }
    }

    static final class CountSumSerializer extends Flat<CountSum> {
        CountSumSerializer() {
            super(2);
        }

        @Override
        public CountSum createInstance() {
            return new CountSum();
        }

        @Override
        public CountSum copy(CountSum from) {
            return new CountSum(from.count, from.sum);
        }

        @Override
        public void serialize(CountSum all, DataOutputView out) throws IOException {
            out.writeLong(all.count);
            out.writeLong(all.sum);
        }

        @Override
        public CountSum deserialize(DataInputView in) throws IOException {
            return new CountSum(in.readLong(), in.readLong());
        }

        @Override
        public TypeSerializerSnapshot<CountSum> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Made by Flink when it restores. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<CountSum> {
            public Snapshot() {
                super(CountSumSerializer::new);
            }
        }
    }

    static final class WindowSumSerializer extends Flat<WindowSum> {
        WindowSumSerializer() {
            super(4);
        }

        @Override
        public WindowSum createInstance() {
            return new WindowSum(0, 0, 0, 0);
        }

        @Override
        public WindowSum copy(WindowSum from) {
            return from;
        }

        @Override
        public void serialize(WindowSum window, DataOutputView out) throws IOException {
            out.writeLong(window.key());
            out.writeLong(window.count());
            out.writeLong(window.sum());
            out.writeLong(window.end());
        }

        @Override
        public WindowSum deserialize(DataInputView in) throws IOException {
            return new WindowSum(in.readLong(), in.readLong(), in.readLong(), in.readLong());
        }

        @Override
        public TypeSerializerSnapshot<WindowSum> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Made by Flink when it restores. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<WindowSum> {
            public Snapshot() {
                super(WindowSumSerializer::new);
            }
        }
    }

    static final class HotAuctionSerializer extends Flat<Nexmark.HotAuction> {
        HotAuctionSerializer() {
            super(3);
        }

        @Override
        public Nexmark.HotAuction createInstance() {
            return new Nexmark.HotAuction(0, 0, 0);
        }

        @Override
        public Nexmark.HotAuction copy(Nexmark.HotAuction from) {
            return from;
        }

        @Override
        public void serialize(Nexmark.HotAuction auction, DataOutputView out) throws IOException {
            out.writeLong(auction.auction());
            out.writeLong(auction.num());
            out.writeLong(auction.windowEnd());
        }

        @Override
        public Nexmark.HotAuction deserialize(DataInputView in) throws IOException {
            return new Nexmark.HotAuction(in.readLong(), in.readLong(), in.readLong());
        }

        @Override
        public TypeSerializerSnapshot<Nexmark.HotAuction> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Made by Flink when it restores. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<Nexmark.HotAuction> {
            public Snapshot() {
                super(HotAuctionSerializer::new);
            }
        }
    }
}
