//! The times and the digest of a run.
use crate::work::Event;
use std::time::Instant;

pub struct Meter {
    start: Instant,
    cpu_start: f64,
    read: Option<Instant>,
    first: Option<Instant>,
    last: Option<Instant>,
    results: u64,
    sum: u64,
}

impl Meter {
    /// The run starts.
    pub fn new() -> Self {
        Meter { start: Instant::now(), cpu_start: cpu_seconds(), read: None, first: None, last: None, results: 0, sum: 0 }
    }

    /// The first record is about to be read.
    pub fn read(&mut self) {
        self.read = Some(Instant::now());
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
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// Behind the end of the run: the line for run.sh.
    pub fn line(&self) -> String {
        let since = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => (to - from).as_secs_f64(),
            _ => 0.0,
        };
        format!(
            "result {:.6} {:.6} {:.6} {} {} {}",
            since(self.read, self.last),
            cpu_seconds() - self.cpu_start,
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
