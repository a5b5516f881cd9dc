use std::env;
use std::fs::File;
use std::io::{self, Read, stdin};
use std::net::TcpListener;
use std::process;
use std::thread;

use crate::CrashTable;
use crate::drain_line::{DRAIN, DrainLine, receive_listener};

/// The child's side of a [`Supervisor`](crate::Supervisor).
///
/// The child is tied to its parent: when the parent dies, it ends at once.
#[derive(Debug)]
pub struct Supervised {
    table: CrashTable,
    listener: Option<TcpListener>,
}

impl Supervised {
    /// The environment variable by which a process knows that it is a supervised child: the path of its table.
    pub(crate) const VARIABLE: &str = "RHAI_CRASH_TABLE";

    /// Whether this process is a supervised child.
    #[must_use]
    pub fn is_this_process() -> bool {
        env::var_os(Self::VARIABLE).is_some()
    }

    /// Ties this process to its parent, and opens its table. To be called once, from the main thread, as early as it
    /// can be; nothing else may read the standard input. `drain` is called when the parent asks for an orderly end.
    ///
    /// # Errors
    /// If the process is not a supervised child, or an error of the system.
    pub fn tie(drain: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let Some(path) = env::var_os(Self::VARIABLE) else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "this process has no supervisor"));
        };
        // Also a process that is stopped, or whose threads are all busy, ends then. If it can't be had, or the parent
        // has died already, the pipe does it.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        #[cfg(target_os = "linux")]
        set_name();
        // Before that thread reads what follows.
        let has_listener = env::var_os(DrainLine::LISTENER_VARIABLE).is_some();
        let listener = has_listener.then(|| receive_listener(&stdin())).transpose()?;
        thread::Builder::new().name("rhai-tie".into()).spawn(move || listen(drain))?;
        let file = File::options().read(true).write(true).open(path)?;
        Ok(Self { table: CrashTable::map(file)?, listener })
    }

    /// The listening socket of [`Supervisor::with_listener`](crate::Supervisor::with_listener), the first time.
    pub fn take_listener(&mut self) -> Option<TcpListener> {
        self.listener.take()
    }

    /// The table, for the worker to write.
    #[must_use]
    pub fn into_table(self) -> CrashTable {
        self.table
    }
}

/// Lets tools list the process under the name that it was called by: it may have been started by way of
/// `/proc/self/exe`, whose name is `exe`.
#[cfg(target_os = "linux")]
fn set_name() {
    use std::os::unix::ffi::OsStrExt;

    let program = env::args_os().next().map(std::path::PathBuf::from);
    let name = program.as_deref().and_then(std::path::Path::file_name);
    if let Some(name) = name.and_then(|name| std::ffi::CString::new(name.as_bytes()).ok()) {
        let _ = rustix::thread::set_name(&name); // only tools show it
    }
}

/// Reads what the parent writes. When it is gone, so is this process.
fn listen(drain: impl FnOnce()) {
    let mut drain = Some(drain);
    for byte in stdin().lock().bytes() {
        match byte {
            Ok(DRAIN) => {
                if let Some(drain) = drain.take() {
                    drain();
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    process::exit(1);
}
