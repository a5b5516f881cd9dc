use crate::script::error::TooLarge;

/// Why a script is ended that would continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its stop token fired.
    Stopped,
    /// It ran longer than allowed.
    TimedOut,
    /// It computed longer than allowed.
    OutOfTime,
    /// It did more operations than allowed.
    OutOfOperations,
    /// Its stack is nearly used up.
    OutOfStack,
    /// It holds more memory than allowed.
    OutOfMemory,
    /// A value is larger than allowed, or its text would be.
    TooLarge(TooLarge),
}
