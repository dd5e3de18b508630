package peers;

import java.io.IOException;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Records with text, which never change, with serializers written by hand. */
final class TextType {
    static final TypeInformation<Nexmark.Bid> BID = new FlatType<>(Nexmark.Bid.class, new BidSerializer());
    static final TypeInformation<Nexmark.HighestBid> HIGHEST_BID =
        new FlatType<>(Nexmark.HighestBid.class, new HighestBidSerializer());

    private TextType() {}

    /** Of records that only go to the next function of a chain, and so are never written. */
    static <T> TypeInformation<T> chained(Class<T> type) {
        return new FlatType<>(type, new ChainedSerializer<>());
    }

    private static void write(Text text, DataOutputView out) throws IOException {
        out.write(text.bytes(), text.at(), text.size());
    }

    abstract static class Immutable<T> extends TypeSerializerSingleton<T> {
        @Override
        public boolean isImmutableType() {
            return true;
        }

        @Override
        public T createInstance() {
            return null;
        }

        @Override
        public T copy(T from) {
            return from;
        }

        @Override
        public T copy(T from, T reuse) {
            return from;
        }

        @Override
        public int getLength() {
            return -1;
        }

        @Override
        public T deserialize(T reuse, DataInputView in) throws IOException {
            return deserialize(in);
        }

        @Override
        public void copy(DataInputView in, DataOutputView out) throws IOException {
            serialize(deserialize(in), out);
        }
    }

    static final class ChainedSerializer<T> extends Immutable<T> {
        @Override
        public void serialize(T record, DataOutputView out) {
            throw new UnsupportedOperationException("a record that leaves its chain");
        }

        @Override
        public T deserialize(DataInputView in) {
            throw new UnsupportedOperationException("a record that leaves its chain");
        }

        @Override
        public TypeSerializerSnapshot<T> snapshotConfiguration() {
            throw new UnsupportedOperationException("a record that leaves its chain");
        }
    }

    static final class BidSerializer extends Immutable<Nexmark.Bid> {
        @Override
        public void serialize(Nexmark.Bid bid, DataOutputView out) throws IOException {
            out.writeLong(bid.auction());
            out.writeLong(bid.bidder());
            out.writeLong(bid.price());
            out.writeLong(bid.dateTime());
            out.writeInt(bid.channel().size());
            out.writeInt(bid.url().size());
            out.writeInt(bid.extra().size());
            write(bid.channel(), out);
            write(bid.url(), out);
            write(bid.extra(), out);
        }

        @Override
        public Nexmark.Bid deserialize(DataInputView in) throws IOException {
            long auction = in.readLong();
            long bidder = in.readLong();
            long price = in.readLong();
            long dateTime = in.readLong();
            int channel = in.readInt();
            int url = in.readInt();
            int extra = in.readInt();
            byte[] bytes = new byte[channel + url + extra];  // of all three, one behind the other
            in.readFully(bytes);
            return new Nexmark.Bid(auction, bidder, price, new Text(bytes, 0, channel), new Text(bytes, channel, url),
                dateTime, new Text(bytes, channel + url, extra));
        }

        @Override
        public TypeSerializerSnapshot<Nexmark.Bid> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Made by Flink when it restores. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<Nexmark.Bid> {
            public Snapshot() {
                super(BidSerializer::new);
            }
        }
    }

    static final class HighestBidSerializer extends Immutable<Nexmark.HighestBid> {
        @Override
        public void serialize(Nexmark.HighestBid bid, DataOutputView out) throws IOException {
            out.writeLong(bid.auction());
            out.writeLong(bid.bidder());
            out.writeLong(bid.price());
            out.writeLong(bid.dateTime());
            out.writeInt(bid.extra().size());
            write(bid.extra(), out);
        }

        @Override
        public Nexmark.HighestBid deserialize(DataInputView in) throws IOException {
            long auction = in.readLong();
            long bidder = in.readLong();
            long price = in.readLong();
            long dateTime = in.readLong();
            byte[] bytes = new byte[in.readInt()];
            in.readFully(bytes);
            return new Nexmark.HighestBid(auction, bidder, price, dateTime, new Text(bytes, 0, bytes.length));
        }

        @Override
        public TypeSerializerSnapshot<Nexmark.HighestBid> snapshotConfiguration() {
            return new Snapshot();
        }

        /** Made by Flink when it restores. */
        public static final class Snapshot extends SimpleTypeSerializerSnapshot<Nexmark.HighestBid> {
            public Snapshot() {
                super(HighestBidSerializer::new);
            }
        }
    }
}
