package peers;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * Queries of Nexmark by Flink's DataStream API, with the watermarks and the results of nexmark/queries. What a query does
 * not need is dropped ahead of its keyBy, as Flink's SQL planner does.
 */
final class FlinkNexmark {
    private FlinkNexmark() {}

    static void declare(StreamExecutionEnvironment environment, Work work) {
        DataStream<Nexmark.Bid> bids = environment
            .fromSource(new EventSource<>(new EventSource.EncodedFeed()), WatermarkStrategy.noWatermarks(), "events",
                TextType.chained(Nexmark.Event.class))
            .filter(event -> event instanceof Nexmark.Bid)
            .map(event -> (Nexmark.Bid) event)
            .returns(TextType.BID);
        switch (work) {
            case NEXMARK_Q0 -> bids.sinkTo(new FlinkPeer.FoldSink<>());
            case NEXMARK_Q1 -> bids
                .map(bid -> new Nexmark.EuroBid(bid.auction(), bid.bidder(), 0.908 * bid.price(), bid.dateTime(),
                    bid.extra()))
                .returns(TextType.chained(Nexmark.EuroBid.class))
                .sinkTo(new FlinkPeer.FoldSink<>());
            case NEXMARK_Q2 -> bids
                .filter(bid -> bid.auction() % 123 == 0)
                .map(bid -> new Nexmark.AuctionPrice(bid.auction(), bid.price()))
                .returns(TextType.chained(Nexmark.AuctionPrice.class))
                .sinkTo(new FlinkPeer.FoldSink<>());
            case NEXMARK_Q5 -> hotItems(bids);
            case NEXMARK_Q7 -> highestBid(bids);
            case NEXMARK_Q18 -> bids
                .keyBy(bid -> bid.bidder() << 32 | bid.auction(), Types.LONG)
                .reduce((last, next) -> next.dateTime() < last.dateTime() ? last : next)
                .sinkTo(new FlinkPeer.FoldSink<>());
            default -> throw new IllegalArgumentException(work.name());
        }
    }

    private static DataStream<Nexmark.Bid> timed(DataStream<Nexmark.Bid> bids) {
        return bids.assignTimestampsAndWatermarks(WatermarkStrategy
            .<Nexmark.Bid>forBoundedOutOfOrderness(Duration.ofSeconds(4))
            .withTimestampAssigner((bid, ignored) -> bid.dateTime() / 1000));
    }

    private static void hotItems(DataStream<Nexmark.Bid> bids) {
        Duration slide = Duration.ofSeconds(2);
        timed(bids)
            .map(Nexmark.Bid::auction).returns(Types.LONG)
            .keyBy(auction -> auction, Types.LONG)
            .window(SlidingEventTimeWindows.of(Duration.ofSeconds(10), slide))
            .aggregate(new Count(), new ToHotAuction(), FlatType.COUNT_SUM, FlatType.HOT_AUCTION)
            .keyBy(Nexmark.HotAuction::windowEnd, Types.LONG)
            .window(TumblingEventTimeWindows.of(slide))
            .aggregate(new Best<>(Nexmark.HotAuction::num), new Each<>(), Types.LIST(FlatType.HOT_AUCTION),
                FlatType.HOT_AUCTION)
            .sinkTo(new FlinkPeer.FoldSink<>());
    }

    private static void highestBid(DataStream<Nexmark.Bid> bids) {
        timed(bids)
            .map(bid -> new Nexmark.HighestBid(bid.auction(), bid.bidder(), bid.price(), bid.dateTime(), bid.extra()))
            .returns(TextType.HIGHEST_BID)
            .keyBy(bid -> 0L, Types.LONG)
            .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
            .aggregate(new Best<>(Nexmark.HighestBid::price), new Each<>(), Types.LIST(TextType.HIGHEST_BID),
                TextType.HIGHEST_BID)
            .sinkTo(new FlinkPeer.FoldSink<>());
    }

    private static final class Count implements AggregateFunction<Long, CountSum, CountSum> {
        @Override
        public CountSum createAccumulator() {
            return new CountSum();
        }

        @Override
        public CountSum add(Long auction, CountSum all) {
            ++all.count;
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

    private static final class ToHotAuction implements WindowFunction<CountSum, Nexmark.HotAuction, Long, TimeWindow> {
        @Override
        public void apply(Long auction, TimeWindow window, Iterable<CountSum> counts, Collector<Nexmark.HotAuction> out) {
            out.collect(new Nexmark.HotAuction(auction, counts.iterator().next().count, window.getEnd() * 1000));
        }
    }

    interface Rank<T> extends java.io.Serializable {
        long of(T value);
    }

    /** Those with the highest rank: all of them, where there are several. */
    private static final class Best<T> implements AggregateFunction<T, List<T>, List<T>> {
        private final Rank<T> rank;

        Best(Rank<T> rank) {
            this.rank = rank;
        }

        @Override
        public List<T> createAccumulator() {
            return new ArrayList<>();
        }

        @Override
        public List<T> add(T value, List<T> best) {
            long difference = best.isEmpty() ? 0 : rank.of(value) - rank.of(best.get(0));
            if (difference > 0) best.clear();
            if (difference >= 0) best.add(value);
            return best;
        }

        @Override
        public List<T> getResult(List<T> best) {
            return best;
        }

        @Override
        public List<T> merge(List<T> best, List<T> others) {
            for (T other : others) add(other, best);
            return best;
        }
    }

    private static final class Each<T> implements WindowFunction<List<T>, T, Long, TimeWindow> {
        @Override
        public void apply(Long key, TimeWindow window, Iterable<List<T>> lists, Collector<T> out) {
            for (List<T> list : lists) list.forEach(out::collect);
        }
    }
}
