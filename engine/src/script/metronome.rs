use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::memory::uncharged;

/// Tells running scripts that about a millisecond has gone by, at the price of one load for each
/// operation.
///
/// A script looks at the clock every so many operations, which it adapts to how long they took so
/// far. That says nothing of the next: after a thousand additions may come a thousand calls that each
/// take a millisecond.
struct Metronome {
    beats: AtomicU32,
    /// Whether a script has asked for the next beat.
    wanted: AtomicBool,
    /// `None` if the system gave no thread: then only the number of operations counts.
    thread: OnceLock<Option<Thread>>,
}

/// From one beat to the next.
const PERIOD: Duration = Duration::from_millis(1);

/// One for all lanes of the process, since time goes by for all of them alike. Its thread starts with
/// the first script that runs for long, and sleeps while none does.
static METRONOME: Metronome =
    Metronome { beats: AtomicU32::new(0), wanted: AtomicBool::new(false), thread: OnceLock::new() };

/// How many beats there were.
pub(super) fn beat() -> u32 {
    METRONOME.beats.load(Ordering::Relaxed)
}

/// Asks for the next beat.
pub(super) fn want() {
    if METRONOME.wanted.load(Ordering::Relaxed) || METRONOME.wanted.swap(true, Ordering::AcqRel) {
        return;
    }
    let start = || {
        let thread = thread::Builder::new().name("rhai-metronome".into()).spawn(|| METRONOME.run());
        thread.ok().map(|handle| handle.thread().clone())
    };
    if let Some(thread) = uncharged(|| METRONOME.thread.get_or_init(start)) {
        thread.unpark();
    }
}

impl Metronome {
    fn run(&self) {
        loop {
            if self.wanted.swap(false, Ordering::AcqRel) {
                thread::sleep(PERIOD);
                self.beats.fetch_add(1, Ordering::Relaxed);
            } else {
                thread::park();
            }
        }
    }
}
