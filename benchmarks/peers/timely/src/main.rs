//! The works by timely dataflow, on one worker; README.md says how run.sh talks to it.
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

mod dataflows;
mod meter;
mod work;

/// Of the manifest, where it is pinned.
fn version() -> &'static str {
    let manifest = include_str!("../Cargo.toml");
    let line = manifest.lines().find(|line| line.starts_with("timely = ")).unwrap_or_default();
    line.trim_start_matches("timely = \"=").trim_end_matches('"')
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1)).map(String::as_str)
    };
    let Some(work) = work::named(option("--work").unwrap_or_default()) else {
        println!("error no such work");
        std::process::exit(2);
    };
    let records = option("--records").and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let warmup: f64 = option("--warmup").and_then(|text| text.parse().ok()).unwrap_or(0.0);
    if option("--checkpoint").is_some_and(|text| text != "0") {
        println!("error timely has no checkpoints");
        std::process::exit(2);
    }

    let began = Instant::now();
    let events = Arc::new(work::make_events(work, records));
    let made = began.elapsed().as_secs_f64();
    let warm = Instant::now();
    loop {
        dataflows::run(work, events.clone());
        if warm.elapsed().as_secs_f64() >= warmup {
            break;
        }
    }
    println!("ready {} {:.6}", version(), made);
    for line in std::io::stdin().lock().lines() {
        if line.map_or(true, |line| line != "run") {
            break;
        }
        println!("{}", dataflows::run(work, events.clone()).line());
        let _ = std::io::stdout().flush();
    }
}
