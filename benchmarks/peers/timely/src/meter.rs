//! The times and the digest of a run.
use crate::work::{number_of, Event, Work};
use std::time::{Duration, Instant};

/// How late the results of a work that has a rate came; those of the first second do not count.
struct Lateness {
    rate: u64,
    nanos: Vec<i64>,
}

impl Lateness {
    fn add(&mut self, number: u64, since_read: Duration) {
        if number >= self.rate {
            self.nanos.push(since_read.as_nanos() as i64 - (number * 1_000_000_000 / self.rate) as i64);
        }
    }

    /// p50, p99, p99.9 and the most, in microseconds, and of how many.
    fn percentiles(&mut self) -> String {
        self.nanos.sort_unstable();
        let count = self.nanos.len();
        // The least value that so large a share of all does not exceed.
        let at = |share: f64| match (share * count as f64).ceil() as usize {
            rank if count > 0 => self.nanos[rank.max(1) - 1] as f64 * 1e-3,
            _ => 0.0,
        };
        format!("{:.3} {:.3} {:.3} {:.3} {}", at(0.5), at(0.99), at(0.999), at(1.0), count)
    }
}

pub struct Meter {
    start: Instant,
    cpu_start: f64,
    cpu_read: f64,
    late: Option<Lateness>,
    read: Option<Instant>,
    first: Option<Instant>,
    last: Option<Instant>,
    results: u64,
    sum: u64,
}

impl Meter {
    /// The run starts.
    pub fn new(work: Work, records: usize) -> Self {
        let late = (work.rate > 0).then(|| Lateness {
            rate: work.rate,
            // Touched now: a page that is touched for the first time would be measured.
            nanos: {
                let mut nanos = vec![1; records];
                nanos.clear();
                nanos
            },
        });
        Meter {
            start: Instant::now(),
            cpu_start: cpu_seconds(),
            cpu_read: 0.0,
            late,
            read: None,
            first: None,
            last: None,
            results: 0,
            sum: 0,
        }
    }

    /// The first record is about to be read, and is due now where the work has a rate.
    pub fn read(&mut self) -> Instant {
        self.cpu_read = cpu_seconds();
        let now = Instant::now();
        self.read = Some(now);
        now
    }

    /// Results have come.
    pub fn fold(&mut self, results: &[Event]) {
        let mut sum = self.sum;
        for &(key, a, b) in results {
            let hash = (a as u64).wrapping_mul(0xbf58476d1ce4e5b9).wrapping_add(b as u64);
            sum = sum.wrapping_add(key.wrapping_add(0x9e3779b97f4a7c15).wrapping_mul(hash));
        }
        self.sum = sum;
        self.results += results.len() as u64;
        let now = Instant::now();
        if let (Some(late), Some(read)) = (&mut self.late, self.read) {
            for result in results {
                late.add(number_of(result), now - read);
            }
        }
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// Behind the end of the run: the line for run.sh.
    pub fn line(&mut self) -> String {
        let cpu = cpu_seconds();
        let since = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => (to - from).as_secs_f64(),
            _ => 0.0,
        };
        if let (Some(late), Some(read)) = (&mut self.late, self.read) {
            let cores = (cpu - self.cpu_read) / read.elapsed().as_secs_f64();
            let percentiles = late.percentiles();
            return format!("latency {} {:.4} {} {} {}", percentiles, cores, peak_bytes(), self.results, self.sum);
        }
        format!(
            "result {:.6} {:.6} {:.6} {} {} {}",
            since(self.read, self.last),
            cpu - self.cpu_start,
            since(Some(self.start), self.first),
            peak_bytes(),
            self.results,
            self.sum
        )
    }
}

/// Of all threads of this process, in steps of the clock tick of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets, which may have blanks: user and system time are the 12th and 13th word.
    let words = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    words.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The most that this process has had in memory.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) * 1024
}
