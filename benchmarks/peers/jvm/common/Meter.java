package peers;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** The times and the digest of the one run that this process has under way. */
public final class Meter {
    private static final OperatingSystemMXBean SYSTEM =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static volatile long start;
    private static volatile long cpuStart;
    private static volatile long cpuRead;
    private static volatile long read;
    private static volatile long first;
    private static volatile long last;
    private static volatile long results;
    private static volatile long sum;

    private Meter() {}

    /** What a sink folds its results into, on its own thread. */
    public static final class Fold {
        private final Schedule.Lane lane = Schedule.isPaced() ? new Schedule.Lane() : null;
        private long count;
        private long total;

        public void add(Event event) {
            if (lane != null) lane.add(event.at);
            add(event.key, event.value, event.at * 1000);
        }

        /** A result whose hash is this. */
        public void add(long hash) {
            if (count++ == 0) first = System.nanoTime();
            total += hash;
        }

        public void add(WindowSum window) {
            add(window.key(), window.sum() * 1024 + window.count(), window.end() * 1000);
        }

        private void add(long key, long a, long b) {
            add((key + 0x9e3779b97f4a7c15L) * (a * 0xbf58476d1ce4e5b9L + b));
        }

        /** All results have come. */
        public void end() {
            last = System.nanoTime();
            results = count;
            sum = total;
            if (lane != null) lane.end();
        }
    }

    /** The job is about to be submitted. */
    static void begin(Work work, int records) {
        Schedule.begin(work, records);
        read = first = last = results = sum = 0;
        cpuStart = SYSTEM.getProcessCpuTime();
        start = System.nanoTime();
    }

    /** The source is about to read its first record, which is due now where the work has a rate. */
    public static void read() {
        cpuRead = SYSTEM.getProcessCpuTime();
        read = System.nanoTime();
        Schedule.start(read);
    }

    /** A record has come: the first one counts. One thread. */
    public static void came() {
        if (read == 0) read();
    }

    /** All that was written is committed, of a work whose results are not folded here. */
    public static void committed() {
        last = System.nanoTime();
    }

    /** Behind the end of the job: the line for run.sh. */
    static String result() throws java.io.IOException {
        long cpuNow = SYSTEM.getProcessCpuTime();
        double cpu = (cpuNow - cpuStart) * 1e-9;
        if (Schedule.isPaced()) {
            double cores = (cpuNow - cpuRead) / (double) (System.nanoTime() - read);
            return String.format(java.util.Locale.ROOT, "latency %s %.4f %d %d %s", Schedule.percentiles(), cores,
                peakBytes(), results, Long.toUnsignedString(sum));
        }
        return String.format(java.util.Locale.ROOT, "result %.6f %.6f %.6f %d %d %s", (last - read) * 1e-9, cpu,
            first == 0 ? 0 : (first - start) * 1e-9, peakBytes(), results, Long.toUnsignedString(sum));
    }

    private static long peakBytes() throws java.io.IOException {
        for (String line : java.nio.file.Files.readAllLines(java.nio.file.Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
        return 0;
    }
}
