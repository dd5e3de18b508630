package peers;

/** The result of a window that ends at {@code end} (exclusive), in milliseconds of event time. */
public record WindowSum(long key, long count, long sum, long end) {}
