package peers;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** Nexmark's events as bytes, as in nexmark/encoded.hpp, read once for a process. */
public final class EncodedEvents {
    static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static byte[] bytes = {};

    private EncodedEvents() {}

    static void load(String file) throws IOException {
        bytes = Files.readAllBytes(Path.of(file));
    }

    public static int size() {
        return bytes.length;
    }

    /** Makes a record of each event. */
    public static final class Reader {
        private final byte[] all = bytes;
        private int at;

        public Reader(int position) {
            at = position;
        }

        /** Where the next event begins. */
        public int position() {
            return at;
        }

        public boolean done() {
            return at >= all.length;
        }

        public Nexmark.Event next() {
            return switch (all[at++]) {
                case 0 -> new Nexmark.Person(number(), text(), text(), text(), text(), text(), number(), text());
                case 1 -> new Nexmark.Auction(number(), text(), text(), number(), number(), number(), number(), number(),
                    number(), text());
                default -> new Nexmark.Bid(number(), number(), number(), text(), text(), number(), text());
            };
        }

        private long number() {
            long value = (long) LONG.get(all, at);
            at += Long.BYTES;
            return value;
        }

        private Text text() {
            int length = (short) SHORT.get(all, at) & 0xffff;
            Text value = new Text(all, at + Short.BYTES, length);
            at += Short.BYTES + length;
            return value;
        }
    }
}
