use std::fmt;

use serde::Serialize;

/// A fault that strikes processes, connections or the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A worker is killed (SIGKILL).
    WorkerKill,
    /// The child process of a supervised worker is killed (SIGKILL), and restarted by its parent.
    ChildKill,
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
    /// No byte passes between one worker and the server, for longer than its lease; the sockets stay open.
    BlackHole,
    /// No byte passes to the server, or none from it, for longer than a lease.
    BlackHoleOneWay,
    /// All sockets are dead and stay open; new ones work.
    HalfOpen,
    /// All bytes arrive 50 ms later, in each direction.
    Latency,
    /// All bytes arrive a second later, in each direction.
    LongLatency,
    /// Another server takes over behind the same address, and the first one after it; sockets stay open.
    Failover,
    /// The server can't save its data, and takes no writes (MISCONF).
    DiskFull,
    /// The server's memory is full (OOM).
    MemoryFull,
    /// The server's clock jumps by a minute, as after a suspend of its machine. It begins a minute behind.
    ClockJump,
}

/// What a fault breaks. Faults of one sort have to land equally often in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Processes and connections.
    Process,
    /// The network, and what a server has to work with. These last longer.
    Network,
}

impl Fault {
    /// Those of a cycle, with `appendfsync always`.
    pub const CYCLE: [Self; 18] = [
        Self::WorkerKill,
        Self::ChildKill,
        Self::WorkerStop,
        Self::ServerKill,
        Self::ServerPause,
        Self::Cut,
        Self::SubmitterKill,
        Self::CrashPoint,
        Self::Poison,
        Self::BlackHole,
        Self::BlackHoleOneWay,
        Self::HalfOpen,
        Self::Latency,
        Self::LongLatency,
        Self::Failover,
        Self::DiskFull,
        Self::MemoryFull,
        Self::ClockJump,
    ];

    /// All.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::CYCLE.into_iter().chain([Self::ServerKillEverysec])
    }

    /// What it breaks.
    #[must_use]
    pub const fn sort(self) -> Sort {
        match self {
            Self::WorkerKill
            | Self::ChildKill
            | Self::WorkerStop
            | Self::ServerKill
            | Self::ServerKillEverysec
            | Self::ServerPause
            | Self::Cut
            | Self::SubmitterKill
            | Self::CrashPoint
            | Self::Poison => Sort::Process,
            Self::BlackHole
            | Self::BlackHoleOneWay
            | Self::HalfOpen
            | Self::Latency
            | Self::LongLatency
            | Self::Failover
            | Self::DiskFull
            | Self::MemoryFull
            | Self::ClockJump => Sort::Network,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WorkerKill => "worker killed",
            Self::ChildKill => "child of a worker killed",
            Self::WorkerStop => "worker stopped and continued",
            Self::ServerKill => "server killed (always)",
            Self::ServerKillEverysec => "server killed (everysec)",
            Self::ServerPause => "server paused",
            Self::Cut => "connections cut",
            Self::SubmitterKill => "submitter killed",
            Self::CrashPoint => "crash point",
            Self::Poison => "poison task",
            Self::BlackHole => "black hole of a worker",
            Self::BlackHoleOneWay => "black hole, one direction",
            Self::HalfOpen => "half-open connections",
            Self::Latency => "latency of 50 ms",
            Self::LongLatency => "latency of 1 s",
            Self::Failover => "failover behind the address",
            Self::DiskFull => "disk full (MISCONF)",
            Self::MemoryFull => "memory full (OOM)",
            Self::ClockJump => "clock of the server jumps",
        })
    }
}

/// A fault that has struck.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its kind.
    pub fault: Fault,
    /// When it began.
    pub at: u64,
    /// When it was over.
    pub until: u64,
    /// The process that it struck.
    pub target: FaultTarget,
}

/// The process that a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTarget {
    /// One worker process. `dead` if it ended.
    Worker {
        /// Its process id.
        pid: u32,
        /// Whether it ended.
        dead: bool,
    },
    /// One submitter process.
    Submitter(u32),
    /// The server, or the network before it: all processes notice.
    Server,
}
