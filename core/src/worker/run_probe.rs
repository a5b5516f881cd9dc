use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::{Claim, RunActivity, RunState, ScriptPlace, Tick, lock};

/// Where a run notes what it does, for callers that ask.
///
/// A handler that notes nothing is told of as native code. What is noted on the way of every run are stores without a
/// lock; a lock is taken only when a script is suspended.
#[derive(Default)]
pub struct RunProbe {
    /// A [`Doing`].
    doing: AtomicU8,
    /// Since when, in nanoseconds; 0 if that is not known.
    since: AtomicU64,
    /// When the run began, in nanoseconds; 0 before.
    began: AtomicU64,
    /// What was noted when it was last suspended. Most runs never are.
    notes: Mutex<Option<Box<RunNotes>>>,
}

/// What a script notes when it is suspended. It keeps its buffers from one time to the next. Empty texts, and 0, stand for
/// what is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunNotes {
    /// The function that it waits in.
    pub call: String,
    /// What the function waits for.
    pub target: String,
    /// The module whose code it is in.
    pub module: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// Operations so far.
    pub operations: u64,
    /// Bytes of memory that it holds.
    pub memory: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Doing {
    Native = 0,
    Computing = 1,
    Queued = 2,
    Waiting = 3,
    Finishing = 4,
}

impl RunProbe {
    /// The script computes from `now` on.
    pub fn computes(&self, now: Tick) {
        self.set(Doing::Computing, now);
    }

    /// The script waits from `now` on. `note` is called with what was noted before, under a lock.
    pub fn waits(&self, now: Tick, note: impl FnOnce(&mut RunNotes)) {
        self.note(Doing::Waiting, now, note);
    }

    /// The script waits for its turn on its lane from `now` on, likewise.
    pub fn is_queued(&self, now: Tick, note: impl FnOnce(&mut RunNotes)) {
        self.note(Doing::Queued, now, note);
    }

    fn note(&self, doing: Doing, now: Tick, note: impl FnOnce(&mut RunNotes)) {
        let mut notes = lock(&self.notes);
        note(notes.get_or_insert_default());
        self.set(doing, now);
    }

    fn set(&self, doing: Doing, now: Tick) {
        self.since.store(now.as_nanos(), Ordering::Relaxed);
        self.doing.store(doing as u8, Ordering::Relaxed);
    }

    /// The lane polls the run.
    pub(super) fn polled(&self, now: Tick) {
        if self.began.load(Ordering::Relaxed) == 0 {
            self.began.store(now.as_nanos().max(1), Ordering::Relaxed);
        }
    }

    /// The run has ended.
    pub(super) fn ended(&self) {
        self.since.store(0, Ordering::Relaxed);
        self.doing.store(Doing::Finishing as u8, Ordering::Relaxed);
    }

    /// What the run of `claim` does.
    pub(super) fn state(&self, claim: &Claim, now: Tick) -> RunState {
        let time = |at: &AtomicU64| match at.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(now - Tick::from_nanos(nanos)),
        };
        let notes = lock(&self.notes).as_deref().cloned().unwrap_or_default();
        let doing = self.doing.load(Ordering::Relaxed);
        let activity = match doing {
            doing if doing == Doing::Computing as u8 => RunActivity::Computing,
            doing if doing == Doing::Queued as u8 => RunActivity::Queued,
            doing if doing == Doing::Waiting as u8 => {
                RunActivity::Waiting { call: known(notes.call), target: known(notes.target) }
            }
            doing if doing == Doing::Finishing as u8 => RunActivity::Finishing,
            _ => RunActivity::Native,
        };
        let mut state = RunState::new(claim, activity);
        let running_for: Option<Duration> = time(&self.began);
        state.running_for = running_for;
        state.activity_for = match doing {
            doing if doing == Doing::Native as u8 => running_for,
            _ => time(&self.since),
        };
        state.place = (notes.line > 0).then(|| {
            let mut place = ScriptPlace::new(notes.line, (notes.column > 0).then_some(notes.column));
            place.module = known(notes.module);
            place
        });
        state.operations = (notes.operations > 0).then_some(notes.operations);
        state.memory = (notes.memory > 0).then_some(notes.memory);
        state
    }
}

fn known(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl fmt::Debug for RunProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunProbe").field("doing", &self.doing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InstanceId, TaskId};

    fn at(seconds: u64) -> Tick {
        Tick::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn run_is_told_as_it_was_noted() {
        let claim = Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 1 };
        let probe = RunProbe::default();
        assert_eq!(probe.state(&claim, at(1)), RunState::new(&claim, RunActivity::Native));
        probe.polled(at(1));
        probe.polled(at(2));
        let native = probe.state(&claim, at(3));
        assert_eq!((native.activity_for, native.running_for), (Some(at(2) - at(0)), Some(at(2) - at(0))));

        probe.computes(at(3));
        probe.waits(at(4), |notes| {
            notes.call.push_str("sleep");
            (notes.line, notes.operations, notes.memory) = (7, 100, 2_000);
        });
        let waits = probe.state(&claim, at(6));
        assert_eq!(waits.activity, RunActivity::Waiting { call: Some("sleep".into()), target: None });
        assert_eq!((waits.activity_for, waits.running_for), (Some(at(2) - at(0)), Some(at(5) - at(0))));
        assert_eq!(waits.place, Some(ScriptPlace::new(7, None)));

        probe.computes(at(6));
        let computes = probe.state(&claim, at(7));
        assert_eq!(computes.activity, RunActivity::Computing);
        assert_eq!((computes.operations, computes.memory), (Some(100), Some(2_000)), "as of the last wait");
        probe.ended();
        let ended = probe.state(&claim, at(9));
        assert_eq!((ended.activity, ended.activity_for), (RunActivity::Finishing, None));
    }
}
