package peers;

/**
 * When the records of a work that has a rate are due, and how late their results came: those of the first second do not
 * count. Record i is due i / rate behind the first one, whatever happens meanwhile. Event times of such a work are the
 * numbers of its records.
 */
public final class Schedule {
    private static volatile long rate;
    private static volatile long start;
    private static volatile long[] late = {};
    private static volatile int used;

    private Schedule() {}

    static void begin(Work work, int records) {
        rate = work.rate;
        if (rate == 0) return;
        if (records <= rate) throw new IllegalArgumentException("no records are left behind the first second");
        if (late.length != records) late = new long[records];
        java.util.Arrays.fill(late, 0);
        used = 0;
    }

    /** The first record is due now. */
    static void start(long nanoTime) {
        start = nanoTime;
    }

    public static boolean isPaced() {
        return rate > 0;
    }

    /** How many records are due by now. */
    public static int due() {
        return (int) Math.min((System.nanoTime() - start) * rate / 1_000_000_000L + 1, late.length);
    }

    /** Until a record is due; 0 or less = it is. */
    public static long nanosUntil(long number) {
        return start + number * 1_000_000_000L / rate - System.nanoTime();
    }

    /** What a sink records into, on its own thread. */
    static final class Lane {
        private int count;

        void add(long number) {
            if (number >= rate) late[count++] = -nanosUntil(number);
        }

        void end() {
            used = count;
        }
    }

    /** The middle of the line for run.sh: p50, p99, p99.9 and the most, in microseconds, and of how many. */
    static String percentiles() {
        if (used == 0) throw new IllegalStateException("there was no result that counts");
        java.util.Arrays.sort(late, 0, used);
        return String.format(java.util.Locale.ROOT, "%.3f %.3f %.3f %.3f %d", at(0.5), at(0.99), at(0.999), at(1), used);
    }

    /** The least value that so large a share of all does not exceed. */
    private static double at(double share) {
        return late[Math.max((int) Math.ceil(share * used), 1) - 1] * 1e-3;
    }
}
