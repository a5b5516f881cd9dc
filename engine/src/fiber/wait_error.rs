use rhai::{Dynamic, EvalAltResult, Position};
use rhai_dispatcher_core::Stop;

/// Why a native function could not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The task is to end: it was cancelled, its deadline passed, or its claim is lost. Every
    /// later wait of the same task answers the same, at once.
    #[error("the task was stopped")]
    Stopped(Stop),
    /// The task ran longer than its worker allows.
    #[error("the task ran longer than its worker allows")]
    TimedOut,
    /// Only a script's fiber can wait. This thread runs none at the moment, or it is polling a
    /// future that the fiber waits for.
    #[error("only the fiber of a script can wait")]
    NotOnFiber,
    /// The thread is panicking. Its count of panics would pass to whichever fiber runs next.
    #[error("a fiber can't wait while it panics")]
    Panicking,
}

/// What ends the script, as a native function returns it. A script's `try` does not catch the
/// end of a task.
impl From<WaitError> for Box<EvalAltResult> {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Stopped(_) | WaitError::TimedOut => {
                EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into()
            }
            WaitError::NotOnFiber | WaitError::Panicking => error.to_string().into(),
        }
    }
}
