//! Finds out which task killed a worker process, reports it, and restarts the process.
//!
//! A process is killed by what was on a processor at that moment: at most one task for each lane. So each lane notes the
//! task that it polls in memory that outlives the process, a [`CrashTable`]. The process that finds it dead reads it, and
//! [reports](rhai_dispatcher_core::Transport::report_crash) these tasks and the instance: only these are quarantined; all
//! others of the instance run again at once.
//!
//! # Layout
//! - `crash_table`: the notes in mapped memory ([`CrashTable`]). All unsafe code of this crate is here.
//! - `crash`: what a table says of a process that has died ([`Crash`]).
//! - `crash_layout`: the words of a table.
//! - `crash_file`: a table in a file with a name, for the next start to read ([`CrashFile`]).
//! - `crash_recovery`: reports what such a file says, and takes it over ([`CrashRecovery`]).
//! - `supervisor`: runs a child process with a table, and restarts it ([`Supervisor`]).
//! - `supervised`: the child's side ([`Supervised`]).
//! - `drain_line`: the socket between both: asks for the end, and passes a listening socket.
//! - `table_memory`: the memory that both share.
//! - `reporter`, `backoff`: delivers reports while the server may be away; pauses before restarts.

#[cfg(unix)]
mod backoff;
mod crash;
mod crash_file;
mod crash_layout;
mod crash_recovery;
mod crash_table;
#[cfg(unix)]
mod drain_line;
#[cfg(unix)]
mod reporter;
#[cfg(unix)]
mod supervised;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod table_memory;

pub use crash::{Crash, Unreadable};
pub use crash_file::{CrashFile, CrashFileError};
pub use crash_recovery::CrashRecovery;
pub use crash_table::CrashTable;
#[cfg(unix)]
pub use supervised::Supervised;
#[cfg(unix)]
pub use supervisor::{Ended, Supervisor, SupervisorHandle};
