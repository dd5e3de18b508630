//! The dataflows. Timely has no windows: these hold a table for each open window, or columns for each slide, and give
//! results when the frontier has passed. A timestamp is the number of the slide.
use crate::meter::Meter;
use crate::work::{is_large, to_euro, Event, Kind, Work};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::vec::{Filter, Map};
use timely::dataflow::operators::{Capability, Inspect, Operator, Probe};
use timely::dataflow::{InputHandle, ProbeHandle, StreamVec};

const SLIDE_MICROS: i64 = 1_000_000;
/// Records between two steps of the worker.
const CHUNK: usize = 1024;

/// One multiplication, for the standard hasher is made against attackers.
#[derive(Default)]
struct FoldHasher(u64);

impl Hasher for FoldHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u64");
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = mix(key);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

fn mix(key: u64) -> u64 {
    let product = u128::from(key ^ 0x9e3779b97f4a7c15) * 0xa0761d6478bd642f;
    (product ^ (product >> 64)) as u64
}

type Table<V> = HashMap<u64, V, BuildHasherDefault<FoldHasher>>;

#[derive(Clone, Copy, Default)]
struct CountSum {
    count: i64,
    sum: i64,
}

/// As the digest takes it; the window ends with the slide.
fn window_sum(key: u64, all: CountSum, slide: u64) -> Event {
    (key, all.sum * 1024 + all.count, (slide as i64 + 1) * SLIDE_MICROS)
}

pub fn run(work: Work, events: Arc<Vec<Event>>) -> Meter {
    timely::execute_directly(move |worker| {
        let meter = Rc::new(RefCell::new(Meter::new(work, events.len())));
        let mut input = InputHandle::new();
        let probe = ProbeHandle::new();
        worker.dataflow::<u64, _, _>(|scope| {
            let stream = input.to_stream(scope);
            let results = match (work.kind, work.slides) {
                (Kind::MapFilter, _) => stream.map(to_euro).filter(is_large),
                (Kind::Reduce, _) => reduce(stream),
                (Kind::Windows, 1) => tumbling(stream),
                (Kind::Windows, slides) => sliding(stream, slides as usize),
            };
            let meter = meter.clone();
            results
                .inspect_core(move |event| {
                    if let Ok((_, batch)) = event {
                        meter.borrow_mut().fold(batch);
                    }
                })
                .probe_with(&probe);
        });
        let start = meter.borrow_mut().read();
        let mut sent = 0;
        // Spins: a worker that sleeps is woken too late for this schedule.
        while work.rate > 0 && sent < events.len() {
            let due = start.elapsed().as_nanos() * u128::from(work.rate) / 1_000_000_000 + 1;
            let due = (due as usize).min(events.len());
            if due > sent {
                for event in &events[sent..due] {
                    input.send(*event);
                }
                input.flush();
                sent = due;
            }
            worker.step();
        }
        for chunk in events[sent..].chunks(CHUNK) {
            for event in chunk {
                if work.kind == Kind::Windows {
                    let slide = (event.2 / SLIDE_MICROS) as u64;
                    if slide != *input.time() {
                        input.advance_to(slide);
                    }
                }
                input.send(*event);
            }
            worker.step();
        }
        input.close();
        while !probe.done() {
            worker.step();
        }
        drop(events);
        let done = meter.replace(Meter::new(work, 0));
        done
    })
}

fn by_key() -> Exchange<Event, fn(&Event) -> u64> {
    Exchange::new((|event| mix(event.0)) as fn(&Event) -> u64)
}

fn reduce<'scope>(stream: StreamVec<'scope, u64, Event>) -> StreamVec<'scope, u64, Event> {
    stream
        .unary(by_key(), "reduce", |_, _| {
            let mut sums = Table::<i64>::default();
            move |input, output| {
                input.for_each_stamp(|cap, data| {
                    let mut session = output.session(&cap);
                    for (key, value, at) in data.flat_map(|batch| batch.drain(..)) {
                        let sum = sums.entry(key).or_insert(0);
                        *sum += value;
                        session.give((key, *sum, at));
                    }
                });
            }
        })
        .container::<Vec<_>>()
}

fn tumbling<'scope>(stream: StreamVec<'scope, u64, Event>) -> StreamVec<'scope, u64, Event> {
    stream
        .unary_frontier(by_key(), "tumbling", |_, _| {
            let mut open = BTreeMap::<u64, (Capability<u64>, Table<CountSum>)>::new();
            move |(input, frontier), output| {
                input.for_each_stamp(|cap, data| {
                    let Some(cap) = cap.retain_least(output.output_index()) else { return };
                    let (_, table) = open.entry(*cap.time()).or_insert_with(|| (cap, Table::default()));
                    for (key, value, _) in data.flat_map(|batch| batch.drain(..)) {
                        let all = table.entry(key).or_default();
                        all.count += 1;
                        all.sum += value;
                    }
                });
                while let Some(first) = open.first_entry() {
                    if frontier.less_equal(first.key()) {
                        break;
                    }
                    let (slide, (cap, table)) = first.remove_entry();
                    let mut session = output.session(&cap);
                    for (key, all) in table {
                        session.give(window_sum(key, all, slide));
                    }
                }
            }
        })
        .container::<Vec<_>>()
}

/// Keys as dense numbers; a column of partial results for each slide, and a running total of each key, from which the
/// column that leaves is subtracted.
#[derive(Default)]
struct Panes {
    numbers: Table<u32>,
    keys: Vec<u64>,
    totals: Vec<CountSum>,
    columns: BTreeMap<u64, Vec<CountSum>>,
}

impl Panes {
    fn add(&mut self, slide: u64, batch: impl Iterator<Item = Event>) {
        let column = self.columns.entry(slide).or_default();
        for (key, value, _) in batch {
            let number = *self.numbers.entry(key).or_insert_with(|| {
                self.keys.push(key);
                self.totals.push(CountSum::default());
                self.keys.len() as u32 - 1
            }) as usize;
            if number >= column.len() {
                column.resize(self.keys.len(), CountSum::default());
            }
            column[number].count += 1;
            column[number].sum += value;
        }
    }

    /// The results of the window whose last slide this is.
    fn fire(&mut self, slide: u64, slides: u64, mut give: impl FnMut(Event)) {
        if let Some(newest) = self.columns.get(&slide) {
            for (total, part) in self.totals.iter_mut().zip(newest) {
                total.count += part.count;
                total.sum += part.sum;
            }
        }
        for (key, total) in self.keys.iter().zip(&self.totals) {
            if total.count > 0 {
                give(window_sum(*key, *total, slide));
            }
        }
        if let Some(oldest) = (slide + 1).checked_sub(slides).and_then(|oldest| self.columns.remove(&oldest)) {
            for (total, part) in self.totals.iter_mut().zip(&oldest) {
                total.count -= part.count;
                total.sum -= part.sum;
            }
        }
    }
}

fn sliding<'scope>(stream: StreamVec<'scope, u64, Event>, slides: usize) -> StreamVec<'scope, u64, Event> {
    stream
        .unary_frontier(by_key(), "sliding", |_, _| {
            let mut panes = Panes::default();
            // Of the slide that fires next, while there is something to fire.
            let mut next: Option<Capability<u64>> = None;
            move |(input, frontier), output| {
                input.for_each_stamp(|cap, data| {
                    let Some(cap) = cap.retain_least(output.output_index()) else { return };
                    panes.add(*cap.time(), data.flat_map(|batch| batch.drain(..)));
                    next.get_or_insert(cap);
                });
                while let Some(mut cap) = next.take() {
                    let slide = *cap.time();
                    if frontier.less_equal(&slide) {
                        next = Some(cap);
                        break;
                    }
                    let mut session = output.session(&cap);
                    panes.fire(slide, slides as u64, |result| session.give(result));
                    drop(session);
                    if !panes.columns.is_empty() {
                        cap.downgrade(&(slide + 1));
                        next = Some(cap);
                    }
                }
            }
        })
        .container::<Vec<_>>()
}
