//! The works and their input, as in work.hpp.

/// Key, value, and event time in microseconds.
pub type Event = (u64, i64, i64);

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    MapFilter,
    Windows,
    Reduce,
}

#[derive(Clone, Copy)]
pub struct Work {
    name: &'static str,
    pub kind: Kind,
    keys: u64,
    /// Of event time.
    records_a_second: i64,
    /// Of one second in a window; 1 = tumbling.
    pub slides: u64,
    /// Records that fall due in a second of the wall clock; 0 = all are there at once.
    pub rate: u64,
}

const fn work(name: &'static str, kind: Kind, keys: u64, records_a_second: i64, slides: u64) -> Work {
    Work { name, kind, keys, records_a_second, slides, rate: 0 }
}

const WORKS: [Work; 7] = [
    work("map_filter", Kind::MapFilter, 10_000, 1_000_000, 0),
    work("tumbling_10k", Kind::Windows, 10_000, 1_000_000, 1),
    work("tumbling_1m", Kind::Windows, 1_000_000, 2_000_000, 1),
    work("reduce_1m", Kind::Reduce, 1_000_000, 1_000_000, 0),
    work("sliding_10", Kind::Windows, 10_000, 100_000, 10),
    work("sliding_60", Kind::Windows, 10_000, 100_000, 60),
    Work { rate: 100_000, ..work("latency_100k", Kind::Reduce, 10_000, 1000, 0) },
];

pub fn named(name: &str) -> Option<Work> {
    WORKS.into_iter().find(|work| work.name == name)
}

/// SplitMix64 of a counter.
fn random_bits(n: u64) -> u64 {
    let mut n = n.wrapping_add(1).wrapping_mul(0x9e3779b97f4a7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d049bb133111eb);
    n ^ (n >> 31)
}

pub fn make_events(work: Work, records: u64) -> Vec<Event> {
    (0..records)
        .map(|i| {
            let bits = random_bits(i);
            let millis = i as i64 * 1000 / work.records_a_second;
            ((bits >> 32) % work.keys, ((bits & 0xffffffff) % 1000) as i64, millis * 1000)
        })
        .collect()
}

/// Of a work that has a rate: its event times are the numbers of the records in milliseconds.
pub fn number_of(event: &Event) -> u64 {
    event.2 as u64 / 1000
}

pub fn to_euro(event: Event) -> Event {
    (event.0, event.1 * 908 / 10, event.2)
}

pub fn is_large(event: &Event) -> bool {
    event.1 >= 45_400
}
