//! What is counted, with the `metrics` facade; `METRICS` is the list. Without a
//! recorder each figure costs a comparison.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::memory::uncharged;

/// The figures of one function, in both its forms.
pub(crate) struct CallMetrics {
    started: Counter,
    ended: [Counter; CallStatus::ALL.len()],
    in_flight: Gauge,
    waiting: Gauge,
    seconds: Histogram,
}

/// How a call ended, as scripts and metrics see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallStatus {
    Completed,
    Failed,
    TimedOut,
    Cancelled,
}

/// The figures of the scripts of one lane.
pub(crate) struct ScriptMetrics {
    started: Counter,
    ended: [Counter; ScriptStatus::ALL.len()],
    in_flight: Gauge,
    seconds: Histogram,
    cpu_seconds: Histogram,
    slices: Counter,
    fibers: Gauge,
    memory_accounts: Gauge,
    /// How many of those are in the gauge.
    accounts: Cell<usize>,
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScriptStatus {
    Completed,
    Failed,
    TimedOut,
    Stopped,
}

impl CallStatus {
    const ALL: [Self; 4] = [Self::Completed, Self::Failed, Self::TimedOut, Self::Cancelled];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timeout",
            Self::Cancelled => "cancelled",
        }
    }
}

impl ScriptStatus {
    const ALL: [Self; 4] = [Self::Completed, Self::Failed, Self::TimedOut, Self::Stopped];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timeout",
            Self::Stopped => "stopped",
        }
    }
}

impl CallMetrics {
    pub(crate) fn new(function: &str) -> Self {
        let function = function.to_owned();
        let ended = |status: CallStatus| counter!("rhai_requests_ended_total", "function" => function.clone(), "status" => status.as_str());
        Self {
            started: counter!("rhai_requests_started_total", "function" => function.clone()),
            ended: CallStatus::ALL.map(ended),
            in_flight: gauge!("rhai_requests_in_flight", "function" => function.clone()),
            waiting: gauge!("rhai_requests_waiting", "function" => function.clone()),
            seconds: histogram!("rhai_request_seconds", "function" => function),
        }
    }

    // Scripts run meanwhile, and a recorder may keep what it allocates: it does not belong to them.
    pub(crate) fn started(&self) {
        uncharged(|| {
            self.started.increment(1);
            self.in_flight.increment(1.0);
        });
    }

    pub(crate) fn waiting(&self, more: f64) {
        uncharged(|| self.waiting.increment(more));
    }

    pub(crate) fn ended(&self, status: CallStatus, took: Duration) {
        uncharged(|| {
            self.in_flight.decrement(1.0);
            self.ended[status as usize].increment(1);
            self.seconds.record(took);
        });
    }
}

impl ScriptMetrics {
    pub(crate) fn new() -> Self {
        let ended = |status: ScriptStatus| counter!("rhai_scripts_ended_total", "status" => status.as_str());
        Self {
            started: counter!("rhai_scripts_started_total"),
            ended: ScriptStatus::ALL.map(ended),
            in_flight: gauge!("rhai_scripts_in_flight"),
            seconds: histogram!("rhai_script_seconds"),
            cpu_seconds: histogram!("rhai_script_cpu_seconds"),
            slices: counter!("rhai_slices_total"),
            fibers: gauge!("rhai_fibers"),
            memory_accounts: gauge!("rhai_memory_accounts"),
            accounts: Cell::default(),
        }
    }

    /// A script has got its stack, if there was one.
    pub(crate) fn started(&self, has_fiber: bool) {
        self.started.increment(1);
        self.in_flight.increment(1.0);
        if has_fiber {
            self.fibers.increment(1.0);
        }
    }

    /// A script has run for a while without a pause.
    pub(crate) fn slice(&self) {
        self.slices.increment(1);
    }

    /// A script has given its stack back.
    pub(crate) fn fiber_ended(&self) {
        self.fibers.decrement(1.0);
    }

    /// So many scripts of the lane hold memory. An account may end with a block that is freed anywhere, which is too late
    /// for a figure: so this is told when a script begins or ends.
    pub(crate) fn memory_accounts(&self, accounts: usize) {
        let before = self.accounts.replace(accounts);
        self.memory_accounts.increment(accounts as f64 - before as f64);
    }

    /// A script, and with it its task, has ended.
    pub(crate) fn ended(&self, status: ScriptStatus, took: Duration, cpu: Duration) {
        self.in_flight.decrement(1.0);
        self.ended[status as usize].increment(1);
        self.seconds.record(took);
        self.cpu_seconds.record(cpu);
    }
}

impl Drop for ScriptMetrics {
    fn drop(&mut self) {
        self.memory_accounts(0);
    }
}

/// The address space of a lane's stacks.
#[derive(Clone)]
pub(crate) struct StackMetrics {
    bytes: Gauge,
}

impl StackMetrics {
    pub(crate) fn new() -> Self {
        Self { bytes: gauge!("rhai_stack_bytes") }
    }

    pub(crate) fn mapped(&self, bytes: usize) {
        self.bytes.increment(bytes as f64);
    }

    pub(crate) fn unmapped(&self, bytes: usize) {
        self.bytes.decrement(bytes as f64);
    }
}

macro_rules! opaque {
    ($($name:ident)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

opaque!(CallMetrics ScriptMetrics StackMetrics);
