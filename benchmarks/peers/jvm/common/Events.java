package peers;

/** The input, made once for a process and read by its one source. */
public final class Events {
    private static long[] keys = {};
    private static long[] values = {};
    private static long[] times = {};

    private Events() {}

    public static void make(Work work, int records) {
        keys = new long[records];
        values = new long[records];
        times = new long[records];
        for (int i = 0; i < records; ++i) {
            long bits = randomBits(i);
            keys[i] = (bits >>> 32) % work.keys;
            values[i] = (bits & 0xffffffffL) % 1000;
            times[i] = i * 1000L / work.recordsASecond;
        }
    }

    public static int size() {
        return keys.length;
    }

    public static Event get(int i) {
        return new Event(keys[i], values[i], times[i]);
    }

    /** SplitMix64 of a counter. */
    private static long randomBits(long n) {
        n = (n + 1) * 0x9e3779b97f4a7c15L;
        n = (n ^ (n >>> 30)) * 0xbf58476d1ce4e5b9L;
        n = (n ^ (n >>> 27)) * 0x94d049bb133111ebL;
        return n ^ (n >>> 31);
    }
}
