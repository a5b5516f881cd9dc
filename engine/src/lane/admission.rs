use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::run_slot::RunSlot;
use crate::EngineConfig;
use crate::fiber::StackPool;

/// How many scripts a lane has, and how many more it has room for.
#[derive(Debug)]
pub(super) struct Admission {
    max_in_flight: usize,
    max_run_queue: usize,
    stacks: StackPool,
    run_slot: Rc<RunSlot>,
    /// Scripts that have not ended.
    live: Cell<usize>,
    /// Those of them that don't wait.
    runnable: Cell<usize>,
    /// Those of them that have not begun.
    fresh: Cell<usize>,
    /// How long a slice takes, as a moving average over some sixteen.
    slice: Cell<Duration>,
    /// Wakes the lane that waits for room.
    waker: RefCell<Option<Waker>>,
}

/// One script among those of its lane.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Rc<Admission>,
    state: AdmittedState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AdmittedState {
    Fresh,
    Runnable,
    Waiting,
    Ended,
}

/// How many scripts a lane claims at once while many others can run. Few, since they go first.
const NEWCOMERS: usize = 8;

/// How much work a lane claims ahead: enough to be busy while the next claim is on its way, and little
/// enough that other instances, which may be idle, don't miss it.
const AHEAD: Duration = Duration::from_millis(5);

impl Admission {
    pub(super) fn new(config: &EngineConfig, stacks: &StackPool, run_slot: &Rc<RunSlot>) -> Self {
        Self {
            max_in_flight: config.max_in_flight.max(1),
            max_run_queue: config.run_queue.max(1),
            stacks: stacks.clone(),
            run_slot: Rc::clone(run_slot),
            live: Cell::default(),
            runnable: Cell::default(),
            fresh: Cell::default(),
            slice: Cell::default(),
            waker: RefCell::default(),
        }
    }

    /// How many scripts there is room for.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        match NonZeroUsize::new(self.room()) {
            Some(room) => Poll::Ready(room),
            None => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    fn room(&self) -> usize {
        if !self.is_open() {
            return 0;
        }
        let queue = self.run_queue();
        let slots = self.max_in_flight.saturating_sub(self.live.get());
        let wanted = match self.runnable.get() {
            few if few <= queue / 2 => queue - few,
            _ => NEWCOMERS,
        };
        let wanted = wanted.min(slots);
        // What is promised here has its stack. When the system has no more, the next claim waits
        // until a script has ended; if none will, a task gets the error.
        let stacks = self.stacks.reserve(wanted);
        if stacks == 0 && self.live.get() == 0 { wanted.min(1) } else { wanted.min(stacks) }
    }

    /// Whether it claims: not while many scripts have not begun or use up their slices, but also while
    /// many have just been woken, since those soon wait again.
    fn is_open(&self) -> bool {
        self.run_slot.queued() <= self.max_run_queue / 2 && self.fresh.get() <= self.run_queue() / 2
    }

    /// How many scripts compute, or could.
    pub(super) fn computing(&self) -> usize {
        self.runnable.get()
    }

    /// How many scripts that can run it is to have.
    fn run_queue(&self) -> usize {
        // As u64, since it is asked for before each task: a division of u128 takes longer than all else here.
        let slices = AHEAD.as_nanos() as u64 / (self.slice.get().as_nanos() as u64).max(1);
        let most = self.max_run_queue;
        usize::try_from(slices).unwrap_or(usize::MAX).clamp(NEWCOMERS.min(most), most)
    }

    /// Notes how long a slice took.
    pub(super) fn note_slice(&self, slice: Duration) {
        self.slice.update(|mean| mean - mean / 16 + slice / 16);
    }

    fn room_changed(&self) {
        if self.is_open()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}

impl Admitted {
    /// A new script, which can run.
    pub(super) fn new(admission: &Rc<Admission>) -> Self {
        admission.live.update(|live| live + 1);
        admission.runnable.update(|runnable| runnable + 1);
        admission.fresh.update(|fresh| fresh + 1);
        Self { admission: Rc::clone(admission), state: AdmittedState::Fresh }
    }

    /// It runs.
    pub(super) fn running(&mut self) {
        self.begun();
        if self.state == AdmittedState::Waiting {
            self.admission.runnable.update(|runnable| runnable + 1);
            self.state = AdmittedState::Runnable;
        }
    }

    /// It waits for something.
    pub(super) fn waiting(&mut self) {
        if self.state == AdmittedState::Runnable {
            self.admission.runnable.update(|runnable| runnable - 1);
            self.state = AdmittedState::Waiting;
            self.admission.room_changed();
        }
    }

    fn begun(&mut self) {
        if self.state == AdmittedState::Fresh {
            self.admission.fresh.update(|fresh| fresh - 1);
            self.state = AdmittedState::Runnable;
        }
    }

    /// It has ended.
    pub(super) fn ended(&mut self) {
        if self.state == AdmittedState::Ended {
            return;
        }
        self.begun();
        if self.state == AdmittedState::Runnable {
            self.admission.runnable.update(|runnable| runnable - 1);
        }
        self.admission.live.update(|live| live - 1);
        self.state = AdmittedState::Ended;
        self.admission.room_changed();
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.ended();
    }
}
