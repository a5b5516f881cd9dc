use std::fmt;

use serde::Serialize;

/// Something that is done to the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A worker is killed (SIGKILL).
    WorkerKill,
    /// A worker is stopped (SIGSTOP) beyond its lease, and continued.
    WorkerStop,
    /// The server is killed and started again, with `appendfsync always`.
    ServerKill,
    /// The same with `appendfsync everysec`.
    ServerKillEverysec,
    /// The server is stopped while many tasks run, and continued.
    ServerPause,
    /// Connections are cut.
    Cut,
    /// A submitter is killed while it waits; its tasks are awaited by another process.
    SubmitterKill,
    /// A process dies at a named point between two commands.
    CrashPoint,
    /// A task kills its worker among many that wait.
    Poison,
}

impl Fault {
    /// Those of a cycle, with `appendfsync always`.
    pub const CYCLE: [Self; 8] = [
        Self::WorkerKill,
        Self::WorkerStop,
        Self::ServerKill,
        Self::ServerPause,
        Self::Cut,
        Self::SubmitterKill,
        Self::CrashPoint,
        Self::Poison,
    ];

    /// All.
    pub const ALL: [Self; 9] = [
        Self::WorkerKill,
        Self::WorkerStop,
        Self::ServerKill,
        Self::ServerKillEverysec,
        Self::ServerPause,
        Self::Cut,
        Self::SubmitterKill,
        Self::CrashPoint,
        Self::Poison,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WorkerKill => "worker killed",
            Self::WorkerStop => "worker stopped and continued",
            Self::ServerKill => "server killed (always)",
            Self::ServerKillEverysec => "server killed (everysec)",
            Self::ServerPause => "server paused",
            Self::Cut => "connections cut",
            Self::SubmitterKill => "submitter killed",
            Self::CrashPoint => "crash point",
            Self::Poison => "poison task",
        })
    }
}

/// A fault that has struck.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Which.
    pub fault: Fault,
    /// When it began.
    pub at: u64,
    /// When it was over.
    pub until: u64,
    /// Whom it struck.
    pub target: Target,
}

/// Whom a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One worker process. `dead` if it ended.
    Worker {
        /// Which.
        pid: u32,
        /// Whether it ended.
        dead: bool,
    },
    /// One submitter process.
    Submitter(u32),
    /// The server, or the way to it: everybody.
    Everybody,
}
