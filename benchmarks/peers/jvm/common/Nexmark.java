package peers;

/** Nexmark's events, which are views of the bytes that they were read from, and the results of its queries, with the hash
 * of nexmark/digest.hpp. Times are microseconds. */
public final class Nexmark {
    private Nexmark() {}

    public sealed interface Event {}

    public record Person(long id, Text name, Text emailAddress, Text creditCard, Text city, Text state,
        long dateTime, Text extra) implements Event {}

    public record Auction(long id, Text itemName, Text description, long initialBid, long reserve, long dateTime,
        long expires, long seller, long category, Text extra) implements Event {}

    public interface Result {
        long hash();
    }

    public record Bid(long auction, long bidder, long price, Text channel, Text url, long dateTime, Text extra)
        implements Event, Result {
        @Override
        public long hash() {
            long hash = add(add(add(0, auction), bidder), price);
            return add(add(add(add(hash, channel), url), dateTime), extra);
        }
    }

    public record EuroBid(long auction, long bidder, double price, long dateTime, Text extra) implements Result {
        @Override
        public long hash() {
            long hash = add(add(add(0, auction), bidder), Double.doubleToRawLongBits(price));
            return add(add(hash, dateTime), extra);
        }
    }

    public record AuctionPrice(long auction, long price) implements Result {
        @Override
        public long hash() {
            return add(add(0, auction), price);
        }
    }

    /** Also the bids of one auction in a window, before the hottest are chosen. */
    public record HotAuction(long auction, long num, long windowEnd) implements Result {
        @Override
        public long hash() {
            return add(add(add(0, auction), num), windowEnd);
        }
    }

    public record HighestBid(long auction, long bidder, long price, long dateTime, Text extra) implements Result {
        @Override
        public long hash() {
            return add(add(add(add(add(0, auction), bidder), price), dateTime), extra);
        }
    }

    private static long add(long hash, long bits) {
        return Text.fold(hash ^ bits, 0x9e3779b97f4a7c15L) + 0xbf58476d1ce4e5b9L;
    }

    private static long add(long hash, Text text) {
        return add(hash, text.hash());
    }
}
