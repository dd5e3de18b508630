#!/usr/bin/env python3
"""Another system's answers: runs queries of Nexmark in DuckDB over a dump of the events, and compares row by row.

    pip install duckdb
    benchmarks/nexmark/check_with_duckdb.py build/bench/benchmarks/nexmark/nexmark [--events N] [--event-rate N]

Ends with 1 where results differ.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import duckdb

BIDS = """
CREATE TABLE bid AS SELECT row_number() OVER () AS seq, bid.* FROM (SELECT bid, event_type FROM read_json('{path}',
  format = 'newline_delimited', columns = {{event_type: 'INTEGER', bid: 'STRUCT(auction BIGINT, bidder BIGINT,
  price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR)'}}) WHERE event_type = 2)
"""

# Of each query its columns, as they stand in the results, and what DuckDB says of them.
QUERIES = {
    "q0": ("auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, "
           "extra VARCHAR",
           "SELECT auction, bidder, price, channel, url, date_time, extra FROM bid"),
    "q1": ("auction BIGINT, bidder BIGINT, price DOUBLE, date_time TIMESTAMP, extra VARCHAR",
           "SELECT auction, bidder, 0.908::DOUBLE * price, date_time, extra FROM bid"),
    "q2": ("auction BIGINT, price BIGINT", "SELECT auction, price FROM bid WHERE auction % 123 = 0"),
    "q5": ("auction BIGINT, num BIGINT, window_end TIMESTAMP", """
      WITH counts AS (
        SELECT auction, count(*) AS num, time_bucket(INTERVAL 2 SECONDS, date_time) + i * INTERVAL 2 SECONDS AS window_end
        FROM bid, range(1, 6) slides(i) GROUP BY ALL)
      SELECT auction, num, window_end FROM counts QUALIFY num = max(num) OVER (PARTITION BY window_end)"""),
    "q7": ("auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP, extra VARCHAR", """
      SELECT auction, bidder, price, date_time, extra FROM bid
      QUALIFY price = max(price) OVER (PARTITION BY time_bucket(INTERVAL 10 SECONDS, date_time))"""),
    "q11": ("bidder BIGINT, bid_count BIGINT, window_start TIMESTAMP, window_end TIMESTAMP", """
      WITH gaps AS (
        SELECT bidder, date_time, date_time - lag(date_time) OVER w <= INTERVAL 10 SECONDS AS goes_on FROM bid
        WINDOW w AS (PARTITION BY bidder ORDER BY date_time)),
      numbered AS (
        SELECT bidder, date_time, count(*) FILTER (goes_on IS NOT TRUE)
          OVER (PARTITION BY bidder ORDER BY date_time, goes_on NULLS FIRST) AS session FROM gaps)
      SELECT bidder, count(*), min(date_time), max(date_time) + INTERVAL 10 SECONDS FROM numbered
      GROUP BY bidder, session"""),
    "q14": ("auction BIGINT, bidder BIGINT, price DOUBLE, bid_time_type VARCHAR, date_time TIMESTAMP, extra VARCHAR, "
            "c_counts BIGINT", """
      SELECT auction, bidder, 0.908::DOUBLE * price,
        CASE WHEN hour(date_time) BETWEEN 8 AND 18 THEN 'dayTime'
             WHEN hour(date_time) <= 6 OR hour(date_time) >= 20 THEN 'nightTime' ELSE 'otherTime' END,
        date_time, extra, length(extra) - length(replace(extra, 'c', ''))
      FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000"""),
    "q17": ("auction BIGINT, day VARCHAR, total_bids BIGINT, rank1_bids BIGINT, rank2_bids BIGINT, rank3_bids BIGINT, "
            "min_price BIGINT, max_price BIGINT, avg_price BIGINT, sum_price BIGINT", """
      SELECT auction, strftime(date_time, '%Y-%m-%d') AS day, count(*) OVER w, count(*) FILTER (price < 10000) OVER w,
        count(*) FILTER (price >= 10000 AND price < 1000000) OVER w, count(*) FILTER (price >= 1000000) OVER w,
        min(price) OVER w, max(price) OVER w, sum(price) OVER w // count(*) OVER w, sum(price) OVER w
      FROM bid WINDOW w AS (PARTITION BY auction, strftime(date_time, '%Y-%m-%d') ORDER BY seq)"""),
    "q21": ("auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, channel_id VARCHAR", """
      SELECT auction, bidder, price, channel, CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1'
        WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3' ELSE regexp_extract(url, '(&|^)channel_id=([^&]*)', 2) END
      FROM bid WHERE regexp_matches(url, '(&|^)channel_id=') OR
        lower(channel) IN ('apple', 'google', 'facebook', 'baidu')"""),
    "q22": ("auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, dir1 VARCHAR, dir2 VARCHAR, dir3 VARCHAR",
            "SELECT auction, bidder, price, channel, split_part(url, '/', 4), split_part(url, '/', 5), "
            "split_part(url, '/', 6) FROM bid"),
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program")
    arguments.add_argument("--events", default="100000")
    arguments.add_argument("--event-rate", default="5000")
    given = arguments.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        events = ["--events", given.events, "--event-rate", given.event_rate]
        dump = pathlib.Path(folder, "events.jsonl")
        subprocess.run([given.program, "--dump", dump, *events], check=True)
        database = duckdb.connect()
        database.execute(BIDS.format(path=dump))
        for name, (columns, query) in QUERIES.items():
            results = pathlib.Path(folder, name + ".jsonl")
            subprocess.run([given.program, "--query", name, "--results", results, *events], check=True,
                           stdout=subprocess.DEVNULL)
            types = ", ".join(f"{c.split()[0]}: '{c.split()[1]}'" for c in columns.split(", "))
            database.execute(f"CREATE OR REPLACE TABLE ours AS SELECT * FROM read_json('{results}', "
                             f"format = 'newline_delimited', columns = {{{types}}})")
            rows, more, less = (
                database.execute(sql).fetchone()[0] for sql in (
                    "SELECT count(*) FROM ours", f"SELECT count(*) FROM (FROM ours EXCEPT ALL ({query}))",
                    f"SELECT count(*) FROM (({query}) EXCEPT ALL FROM ours)"))
            print(f"{name:4} {rows} rows: {'equal' if more == less == 0 else f'{more} only ours, {less} only DuckDB'}")
            good = good and rows > 0 and more == less == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
