package peers;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Text as a part of bytes that lie elsewhere and never change, as Flink's BinaryStringData: nothing is copied or decoded. */
public record Text(byte[] bytes, int at, int size) {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    /** As hash_text in nexmark/digest.hpp. */
    long hash() {
        int end = at + size;
        if (size < 16) return size + shortHash(end);
        long a = 0xa0761d6478bd642fL;
        long b = 0xe7037ed1a0b428dbL;
        long sum = size;
        for (int i = at; end - i > 16; i += 16) {
            sum += fold((long) EncodedEvents.LONG.get(bytes, i) ^ a, (long) EncodedEvents.LONG.get(bytes, i + 8) ^ b);
            a += 0x9e3779b97f4a7c15L;
            b += 0xbf58476d1ce4e5b9L;
        }
        return sum + fold((long) EncodedEvents.LONG.get(bytes, end - 16) ^ a, (long) EncodedEvents.LONG.get(bytes, end - 8) ^ b);
    }

    private long shortHash(int end) {
        long first;
        long second;
        if (size >= 8) {
            first = (long) EncodedEvents.LONG.get(bytes, at);
            second = (long) EncodedEvents.LONG.get(bytes, end - 8);
        } else if (size >= 4) {
            first = (int) INT.get(bytes, at) & 0xffffffffL;
            second = (int) INT.get(bytes, end - 4) & 0xffffffffL;
        } else if (size > 0) {
            first = bytes[at] & 0xff | (bytes[at + size / 2] & 0xff) << 8;
            second = bytes[end - 1] & 0xff;
        } else {
            return 0;
        }
        return fold(first ^ 0xa0761d6478bd642fL, second ^ 0xe7037ed1a0b428dbL);
    }

    /** Both ways of a 64 by 64 bit product of unsigned factors, folded. */
    static long fold(long a, long b) {
        long high = Math.multiplyHigh(a, b) + ((a >> 63) & b) + ((b >> 63) & a);
        return (a * b) ^ high;
    }
}
