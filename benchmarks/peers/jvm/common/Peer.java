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

    protected void open() throws Exception {}

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
        long began = System.nanoTime();
        Events.make(work, Integer.parseInt(options.get("--records")));
        double made = (System.nanoTime() - began) * 1e-9;
        open();
        long warm = System.nanoTime();
        do {
            Meter.begin();
            run(work);
        } while ((System.nanoTime() - warm) * 1e-9 < warmup);
        out.println(String.format(Locale.ROOT, "ready %s %.6f", version(), made));
        out.flush();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); "run".equals(line); line = in.readLine()) {
            Meter.begin();
            run(work);
            out.println(Meter.result());
            out.flush();
        }
    }
}
