//! Named points at which a process can be made to die, for the fault injection harness.

/// Every point, in the order of a task's life.
pub const CRASH_POINTS: &[&str] = &[
    "child.noted",
    "submit.before",
    "submit.after",
    "claim.after_wake",
    "claim.after",
    "finish.before",
    "finish.after",
    "retry.before",
    "retry.after",
    "release.before",
    "release.after",
    "cancel.before",
    "cancel.after",
    "orphans.cancelled",
    "take_over.after",
    "detach.after",
    "inbox.after_read",
];

/// Kills this process, if the feature `crash-points` is on and `RHAI_CRASH_POINT` names this point
/// (`name`, or `name:N` for the N-th passing).
#[cfg(feature = "crash-points")]
pub(crate) fn crash_point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TARGET: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    debug_assert!(CRASH_POINTS.contains(&name), "{name} is not in the list");
    let target = TARGET.get_or_init(|| {
        let text = std::env::var("RHAI_CRASH_POINT").ok()?;
        match text.split_once(':') {
            Some((name, count)) => Some((name.to_owned(), count.parse().ok()?)),
            None => Some((text, 1)),
        }
    });
    let Some((point, count)) = target else { return };
    if point == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count {
        kill();
    }
}

/// As `kill -9` would: no destructor, no buffered output, no last command to the server.
#[cfg(feature = "crash-points")]
fn kill() -> ! {
    let pid = std::process::id().to_string();
    let _ = std::process::Command::new("kill").args(["-9", &pid]).status();
    std::process::abort();
}

#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub(crate) fn crash_point(_name: &str) {}
