//! The subcommands.

mod activity;
mod call;
mod cancel;
mod check;
mod errors;
mod functions;
mod handlers;
mod pause;
mod queues;
mod resubmit;
mod run;
mod serve;
mod status;
mod submit;
#[cfg(unix)]
mod supervise;
mod tail;
mod tasks;
mod token;
mod wait;
mod worker;
mod worker_beside;
mod workers;

pub(crate) use activity::ActivityCommand;
pub(crate) use call::CallCommand;
pub(crate) use cancel::CancelCommand;
pub(crate) use check::CheckCommand;
pub(crate) use errors::ErrorsCommand;
pub(crate) use functions::FunctionsCommand;
pub(crate) use handlers::HandlersCommand;
pub(crate) use pause::{PauseCommand, ResumeCommand};
pub(crate) use queues::QueuesCommand;
pub(crate) use resubmit::ResubmitCommand;
pub(crate) use run::RunCommand;
pub(crate) use serve::ServeCommand;
pub(crate) use status::StatusCommand;
pub(crate) use submit::SubmitCommand;
pub(crate) use tail::TailCommand;
pub(crate) use tasks::TasksCommand;
pub(crate) use token::TokenCommand;
pub(crate) use wait::WaitCommand;
pub(crate) use worker::WorkerCommand;
pub(crate) use workers::WorkersCommand;
