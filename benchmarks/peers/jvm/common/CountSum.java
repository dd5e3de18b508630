package peers;

/** Count and sum of the events of a key in a window. */
public final class CountSum {
    public long count;
    public long sum;

    public CountSum() {}

    public CountSum(long count, long sum) {
        this.count = count;
        this.sum = sum;
    }

    public void add(Event event) {
        ++count;
        sum += event.value;
    }

    public void add(CountSum other) {
        count += other.count;
        sum += other.sum;
    }
}
