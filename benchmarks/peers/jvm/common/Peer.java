package peers;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** What run.sh talks to: README.md says how. */
public abstract class Peer {
    /** As it was released. */
    protected abstract String version();

    /** Runs the work once, to its end. */
    protected abstract void run(Work work) throws Exception;

    /** Milliseconds between checkpoints; 0 = none. */
    protected long checkpointMillis;
    /** Where checkpoints may be written. */
    protected String folder;
    /** Of the works from Kafka to Kafka: host:port, and how many messages the input has. */
    protected String brokers;
    protected int records;
    /** Topics. */
    protected String input;
    protected String output;

    protected void open() throws Exception {}

    /** Counts by key for ever, as the README says of `recovery`; {@code number} is that of this process. */
    protected void recover(int number) throws Exception {
        throw new UnsupportedOperationException("recovery");
    }

    /** Never returns. */
    protected final void serve(String[] arguments) {
        PrintStream out = System.out;
        System.setOut(System.err);  // whatever an engine prints
        int status = 0;
        try {
            answer(arguments, out);
        } catch (Throwable error) {
            error.printStackTrace();
            out.println("error " + String.valueOf(error).replace('\n', ' '));
            status = 1;
        }
        out.flush();
        Runtime.getRuntime().halt(status);
    }

    private void answer(String[] arguments, PrintStream out) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) options.put(arguments[i], arguments[i + 1]);
        Work work = Work.valueOf(options.get("--work").toUpperCase(Locale.ROOT));
        double warmup = Double.parseDouble(options.getOrDefault("--warmup", "0"));
        checkpointMillis = Long.parseLong(options.getOrDefault("--checkpoint", "0"));
        folder = options.getOrDefault("--folder", "");
        brokers = options.get("--brokers");
        records = Integer.parseInt(options.getOrDefault("--records", "0"));
        if (work == Work.RECOVERY) {
            out.println("started");
            out.flush();
            input = options.get("--input");
            output = options.get("--output");
            open();
            recover(Integer.parseInt(options.get("--number")));
            return;
        }
        long began = System.nanoTime();
        if (work.kind == Work.Kind.NEXMARK) {
            EncodedEvents.load(options.get("--events"));
        } else if (work.kind != Work.Kind.KAFKA) {
            Events.make(work, records);
        }
        double made = (System.nanoTime() - began) * 1e-9;
        open();
        if (work.kind != Work.Kind.KAFKA) warmUp(work, warmup);
        out.println(String.format(Locale.ROOT, "ready %s %.6f", version(), made));
        out.flush();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null && line.startsWith("run"); line = in.readLine()) {
            String[] topics = line.split(" ");
            input = topics.length > 1 ? topics[1] : "";
            output = topics.length > 2 ? topics[2] : "";
            Meter.begin(work, records);
            run(work);
            out.println(Meter.result());
            out.flush();
        }
    }

    private void warmUp(Work work, double seconds) throws Exception {
        long warm = System.nanoTime();
        do {
            Meter.begin(work, records);
            run(work);
        } while ((System.nanoTime() - warm) * 1e-9 < seconds);
    }
}
