package peers;

/** What the works from Kafka to Kafka have in common. */
public final class Kafka {
    /** Of each topic; a key is a number and belongs to that partition modulo this one. */
    public static final int PARTITIONS = 4;

    private Kafka() {}
}
