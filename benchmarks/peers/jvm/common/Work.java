package peers;

/** The works, as in work.hpp. */
public enum Work {
    MAP_FILTER(Kind.MAP_FILTER, 10_000, 1_000_000, 0),
    TUMBLING_10K(Kind.WINDOWS, 10_000, 1_000_000, 1),
    TUMBLING_1M(Kind.WINDOWS, 1_000_000, 2_000_000, 1),
    REDUCE_1M(Kind.REDUCE, 1_000_000, 1_000_000, 0),
    SLIDING_10(Kind.WINDOWS, 10_000, 100_000, 10),
    SLIDING_60(Kind.WINDOWS, 10_000, 100_000, 60),
    LATENCY_100K(Kind.REDUCE, 10_000, 1000, 0, 100_000),
    KAFKA_COPY(Kind.KAFKA),
    KAFKA_KEYED(Kind.KAFKA),
    RECOVERY(Kind.KAFKA),
    NEXMARK_Q0(Kind.NEXMARK),
    NEXMARK_Q1(Kind.NEXMARK),
    NEXMARK_Q2(Kind.NEXMARK),
    NEXMARK_Q5(Kind.NEXMARK),
    NEXMARK_Q7(Kind.NEXMARK),
    NEXMARK_Q18(Kind.NEXMARK);

    public enum Kind { MAP_FILTER, WINDOWS, REDUCE, KAFKA, NEXMARK }

    public final Kind kind;
    public final long keys;
    /** Of event time. */
    public final long recordsASecond;
    /** Of one second in a window; 1 = tumbling. */
    public final int slides;
    /** Records that fall due in a second of the wall clock; 0 = all are there at once. */
    public final long rate;

    Work(Kind kind) {
        this(kind, 0, 0, 0);
    }

    Work(Kind kind, long keys, long recordsASecond, int slides) {
        this(kind, keys, recordsASecond, slides, 0);
    }

    Work(Kind kind, long keys, long recordsASecond, int slides, long rate) {
        this.kind = kind;
        this.keys = keys;
        this.recordsASecond = recordsASecond;
        this.slides = slides;
        this.rate = rate;
    }

    public static Event toEuro(Event event) {
        return new Event(event.key, event.value * 908 / 10, event.at);
    }

    public static boolean isLarge(Event event) {
        return event.value >= 45_400;
    }
}
