use std::fmt;

macro_rules! codes {
    ($($name:ident = $code:literal, $may_have_run:literal, $about:literal;)*) => {
        /// What the code of a [`Refusal`](crate::Refusal) stands for. The table in docs/gateway.md has them too.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RefusalCode {
            $(
                #[doc = $about]
                #[doc = concat!("\n\nThe code ", stringify!($code), ".")]
                $name,
            )*
            /// One that this version does not know.
            Other(i32),
        }

        impl RefusalCode {
            /// The number of JSON-RPC.
            #[must_use]
            pub const fn number(self) -> i32 {
                match self {
                    $(Self::$name => $code,)*
                    Self::Other(number) => number,
                }
            }

            pub(super) const fn of(number: i32) -> Self {
                match number {
                    $($code => Self::$name,)*
                    other => Self::Other(other),
                }
            }

            /// Whether the task of the call may have begun.
            pub(super) const fn may_have_run(self) -> bool {
                match self {
                    $(Self::$name => $may_have_run,)*
                    Self::Other(_) => true,
                }
            }
        }
    };
}

codes! {
    ParseError = -32700, false, "The message is not JSON.";
    InvalidRequest = -32600, false, "The JSON is not a request, or the request is not one for this entrance.";
    MethodNotFound = -32601, false, "No living worker has the method.";
    InvalidParams = -32602, false, "A parameter is missing, unknown or bad, or the script does not parse.";
    InternalError = -32603, true, "The log of the gateway has the error.";
    TaskFailed = -32000, true, "The script or the method ended in an error.";
    Unauthorized = -32001, false, "The client has no token, or one that is unknown, expired or revoked.";
    Timeout = -32002, true, "The task did not end in time.";
    Forbidden = -32003, false, "The token does not allow this.";
    NotFound = -32004, false, "The task is not known, or not one that the token may see.";
    LimitExceeded = -32005, false, "A limit of the gateway.";
    Cancelled = -32006, true, "The task was cancelled.";
    Unavailable = -32007, true, "The transport is away, or the gateway shuts down. Try again.";
    Lost = -32008, true, "The store of the transport has lost the task.";
    QueueFull = -32009, false, "As many tasks wait as may. Try again later.";
    Conflict = -32010, false, "The request id stands for another request.";
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}
