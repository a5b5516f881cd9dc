use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

/// Counts epochs of about a millisecond while scripts run. An operation compares the epoch with that of the last check,
/// at the price of one load.
///
/// A script reads the clock every so many operations, and adapts that number to how long they have taken. That says
/// little of the next: after a thousand additions may come a thousand calls of a millisecond each.
pub(crate) struct EpochTicker {
    /// The current epoch.
    epoch: AtomicU32,
    /// Whether a script has asked for the next epoch.
    is_requested: AtomicBool,
    /// `None` if the system gave no thread: then only the number of operations counts.
    thread: OnceLock<Option<Thread>>,
}

/// The length of an epoch.
const PERIOD: Duration = Duration::from_millis(1);

/// One for all lanes of the process, since time passes for all of them alike. Its thread starts with the first script
/// that runs for long, and sleeps while no script does.
static TICKER: EpochTicker =
    EpochTicker { epoch: AtomicU32::new(0), is_requested: AtomicBool::new(false), thread: OnceLock::new() };

impl EpochTicker {
    /// The current epoch.
    #[inline]
    pub(crate) fn epoch() -> u32 {
        TICKER.epoch.load(Ordering::Relaxed)
    }

    /// Whether the next epoch has been asked for.
    pub(crate) fn is_requested() -> bool {
        TICKER.is_requested.load(Ordering::Relaxed)
    }

    /// Asks for the next epoch. The first call allocates what a thread takes, which belongs to no script.
    pub(crate) fn request() {
        if TICKER.is_requested.swap(true, Ordering::AcqRel) {
            return;
        }
        let start = || {
            let thread = thread::Builder::new().name("rhai-epoch".into()).spawn(|| TICKER.run());
            thread.ok().map(|handle| handle.thread().clone())
        };
        if let Some(thread) = TICKER.thread.get_or_init(start) {
            thread.unpark();
        }
    }

    fn run(&self) {
        loop {
            if self.is_requested.swap(false, Ordering::AcqRel) {
                thread::sleep(PERIOD);
                self.epoch.fetch_add(1, Ordering::Relaxed);
            } else {
                thread::park();
            }
        }
    }
}
