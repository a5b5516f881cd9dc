use std::env;
use std::ffi::OsString;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use metrics::counter;
use rhai_dispatcher::transport::Transport;
use rhai_dispatcher_supervision::{Ended, Supervisor};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::metrics::RESTARTS_VARIABLE;
use crate::server::Server;

/// Runs this command as a child process, and restarts the child when it dies. Each child gets the listener, if there is one.
/// The first signal drains the child, and the second kills it.
///
/// # Errors
/// If the child can't be started.
pub(crate) fn supervise(server: Server, listener: Option<TcpListener>) -> Result<Exit, CommandError> {
    let mut supervisor = supervisor(server)?;
    if let Some(listener) = listener {
        supervisor = supervisor.with_listener(listener);
    }
    let handle = supervisor.handle();
    let mut is_first = true;
    Interrupt::on_signal(move || {
        if is_first {
            handle.drain();
        } else {
            handle.kill();
        }
        is_first = false;
    })?;
    let ended = supervisor.run();
    Ok(exit_of(ended.map_err(|source| CommandError::System { doing: STARTING, source })?))
}

/// What is tried when a child can't be started.
pub(crate) const STARTING: &str = "starting the worker process";

/// Runs this command as a child process, once it is told to run.
///
/// # Errors
/// If the server can't be one.
pub(crate) fn supervisor(server: Server) -> Result<Supervisor, CommandError> {
    let system = |doing| move |source| CommandError::System { doing, source };
    let program = program().map_err(system("finding this program"))?;
    let mut starts = 0_u64;
    let command = move || {
        let mut args = env::args_os();
        let mut command = Command::new(&program);
        set_name(&mut command, args.next());
        command.args(args).env(RESTARTS_VARIABLE, starts.to_string());
        // Of a process that has a recorder itself, as the gateway has.
        counter!("rhaid_restarts_total").absolute(starts);
        starts += 1;
        command
    };
    // A bad URL ends the command before a child does.
    server.transport()?;
    let connect = move || match server.transport() {
        Ok(transport) => Ok(Arc::new(transport) as Arc<dyn Transport>),
        Err(error) => Err(error.to_string()),
    };
    Ok(Supervisor::new(command, connect).with_restart_codes([i32::from(Exit::Server.code())]))
}

/// The exit code of a command whose worker has ended so.
pub(crate) fn exit_of(ended: Ended) -> Exit {
    match ended {
        Ended::Code(code) => Exit::Child(u8::try_from(code).unwrap_or(Exit::Failure.code())),
        // What a shell reports for a command that a signal ended.
        Ended::Signal(signal) => Exit::Child(u8::try_from(128 + signal).unwrap_or(Exit::Failure.code())),
        Ended::Killed => Exit::Interrupted,
    }
}

/// The program of this process, even if its file has been replaced since: parent and child need the same layout of
/// their shared memory.
#[cfg(target_os = "linux")]
fn program() -> std::io::Result<OsString> {
    Ok("/proc/self/exe".into())
}

/// The program of this process.
#[cfg(not(target_os = "linux"))]
fn program() -> std::io::Result<OsString> {
    env::current_exe().map(Into::into)
}

/// Sets the child's name in process listings.
fn set_name(command: &mut Command, name: Option<OsString>) {
    use std::os::unix::process::CommandExt;

    if let Some(name) = name {
        command.arg0(name);
    }
}
