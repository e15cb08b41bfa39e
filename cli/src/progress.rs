//! How far a long run is, on a terminal, once it lasts longer than a second.
//!
//! A thread of its own draws the line on standard error, so that the work is not held up by it;
//! a pipe gets nothing.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// When the line appears first.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is drawn.
const PAUSE: Duration = Duration::from_millis(100);
/// How wide the bar is, in characters.
const WIDTH: usize = 24;

/// What is done at the moment, and how much of it.
#[derive(Debug, Default)]
struct Phase {
    /// Its name.
    name: Mutex<&'static str>,
    /// How many steps it has; 0 where nobody knows.
    total: AtomicUsize,
    /// How many are done.
    done: AtomicUsize,
    /// Nothing more is drawn.
    over: AtomicBool,
}

/// A line that shows how far a run is; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    /// What is shown.
    phase: Arc<Phase>,
    /// What draws it; none in a pipe.
    drawer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins a run.
    pub(crate) fn begin() -> Progress {
        let phase = Arc::<Phase>::default();
        let shown = Arc::clone(&phase);
        let on_terminal = std::io::stderr().is_terminal();
        let drawer = on_terminal.then(|| std::thread::spawn(move || draw(&shown)));
        Progress { phase, drawer }
    }

    /// Begins a part of it, of so many steps; 0 where their number is not known.
    pub(crate) fn phase(&self, name: &'static str, total: usize) {
        self.phase.done.store(0, Ordering::Relaxed);
        self.phase.total.store(total, Ordering::Relaxed);
        *self.phase.name.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// One more step is done.
    pub(crate) fn step(&self) {
        self.phase.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.phase.over.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            let _ = drawer.join();
        }
    }
}

/// Draws until the run is over, and takes the line away then.
fn draw(phase: &Phase) {
    let begun = Instant::now();
    let mut drawn = false;
    while !phase.over.load(Ordering::Relaxed) {
        std::thread::park_timeout(PAUSE);
        if begun.elapsed() >= PATIENCE && !phase.over.load(Ordering::Relaxed) {
            let name = *phase.name.lock().unwrap_or_else(PoisonError::into_inner);
            let (done, total) =
                (phase.done.load(Ordering::Relaxed), phase.total.load(Ordering::Relaxed));
            show(&format!("\r\x1b[K{}", text(name, done, total, begun.elapsed())));
            drawn = true;
        }
    }
    if drawn {
        show("\r\x1b[K");
    }
}

/// Writes to the terminal; one that went away is no failure of ours.
fn show(text: &str) {
    let mut terminal = std::io::stderr().lock();
    let _ = terminal.write_all(text.as_bytes());
    let _ = terminal.flush();
}

/// One line: a bar where the number of steps is known, the name, the numbers, the seconds.
fn text(name: &str, done: usize, total: usize, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if total == 0 {
        return format!("{name} {seconds} s");
    }
    let done = done.min(total);
    let filled = WIDTH * done / total;
    let bar = format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled));
    format!("{bar} {name} {done} of {total} {seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_how_far_it_is() {
        let line = |done, total| text("cases", done, total, Duration::from_millis(2900));
        assert_eq!(line(0, 0), "cases 2 s");
        assert_eq!(line(1, 4), format!("{}{} cases 1 of 4 2 s", "█".repeat(6), "░".repeat(18)));
        assert_eq!(line(9, 4), format!("{} cases 4 of 4 2 s", "█".repeat(24)));
    }
}
