//! Timing several things in turns, so that a busy machine slows all of them alike.

use std::time::Instant;

const TURNS: usize = 501;
const TURN_NANOS: f64 = 100_000.0;

/// Nanoseconds each takes: the medians of many turns of about 100 µs, one after the other.
pub fn in_turns<const N: usize>(runs: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut runs = runs.map(|run| {
        let once = time(run, 3).max(1.0);
        let times = (TURN_NANOS / once).ceil().max(1.0) as u32;
        (run, times, Vec::with_capacity(TURNS))
    });
    for turn in 0..TURNS {
        // Whoever goes first has the colder caches.
        for step in 0..N {
            let (run, times, turns) = &mut runs[(turn + step) % N];
            turns.push(time(*run, *times));
        }
    }
    runs.map(|(_, _, turns)| median(turns))
}

fn time(run: &mut dyn FnMut(), times: u32) -> f64 {
    let begin = Instant::now();
    for _ in 0..times {
        run();
    }
    begin.elapsed().as_nanos() as f64 / f64::from(times)
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
