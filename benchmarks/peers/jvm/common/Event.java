package peers;

/** One event of the input; {@code at} is event time in milliseconds. */
public final class Event {
    public long key;
    public long value;
    public long at;

    public Event() {}

    public Event(long key, long value, long at) {
        this.key = key;
        this.value = value;
        this.at = at;
    }
}
