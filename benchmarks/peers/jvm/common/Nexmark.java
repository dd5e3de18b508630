package peers;

import java.nio.charset.StandardCharsets;

/** Nexmark's events and the results of its queries, with the hash of nexmark/digest.hpp. Times are microseconds. */
public final class Nexmark {
    private Nexmark() {}

    public sealed interface Event {}

    public record Person(long id, String name, String emailAddress, String creditCard, String city, String state,
        long dateTime, String extra) implements Event {}

    public record Auction(long id, String itemName, String description, long initialBid, long reserve, long dateTime,
        long expires, long seller, long category, String extra) implements Event {}

    public interface Result {
        long hash();
    }

    public record Bid(long auction, long bidder, long price, String channel, String url, long dateTime, String extra)
        implements Event, Result {
        @Override
        public long hash() {
            long hash = add(add(add(0, auction), bidder), price);
            return add(add(add(add(hash, channel), url), dateTime), extra);
        }
    }

    public record EuroBid(long auction, long bidder, double price, long dateTime, String extra) implements Result {
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

    public record HighestBid(long auction, long bidder, long price, long dateTime, String extra) implements Result {
        @Override
        public long hash() {
            return add(add(add(add(add(0, auction), bidder), price), dateTime), extra);
        }
    }

    private static long add(long hash, long bits) {
        long a = hash ^ bits;
        long b = 0x9e3779b97f4a7c15L;
        long high = Math.multiplyHigh(a, b) + ((a >> 63) & b) + ((b >> 63) & a);  // as of unsigned factors
        return ((a * b) ^ high) + 0xbf58476d1ce4e5b9L;
    }

    private static long add(long hash, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        hash = add(hash, bytes.length);
        int at = 0;
        for (; at + Long.BYTES <= bytes.length; at += Long.BYTES) hash = add(hash, (long) EncodedEvents.LONG.get(bytes, at));
        if (at == bytes.length) return hash;
        long rest = 0;
        for (int i = bytes.length - 1; i >= at; --i) rest = rest << 8 | bytes[i] & 0xff;
        return add(hash, rest);
    }
}
