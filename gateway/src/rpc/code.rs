macro_rules! codes {
    ($($name:ident = $code:literal, $message:literal, $about:literal;)*) => {
        /// The codes of error objects.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $(#[doc = $about] $name = $code,)*
        }

        impl Code {
            /// The codes, with their messages and what they stand for.
            pub(crate) const ALL: &[(Self, &'static str)] = &[$((Self::$name, $about)),*];

            /// The number.
            pub(crate) const fn number(self) -> i32 {
                self as i32
            }

            /// The message, which is always the same.
            pub(crate) const fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $message,)*
                }
            }
        }
    };
}

// Those from -32000 down are this gateway's own; docs/gateway.md lists them for users.
codes! {
    ParseError = -32700, "Parse error", "The message is not JSON, or not UTF-8.";
    InvalidRequest = -32600, "Invalid Request", "The JSON is not a request.";
    MethodNotFound = -32601, "Method not found", "No living worker has the method.";
    InvalidParams = -32602, "Invalid params", "A parameter is missing, unknown, or has a value that can't be used.";
    InternalError = -32603, "Internal error", "The gateway, or something behind it, broke its protocol.";
    TaskFailed = -32000, "Task failed", "The script or the method ended in an error.";
    Unauthorized = -32001, "Unauthorized", "The request has no token, or one that is unknown, expired or revoked.";
    Timeout = -32002, "Timeout", "The task did not end in time.";
    Forbidden = -32003, "Forbidden", "The token does not allow this.";
    NotFound = -32004, "Not found", "The task is not known: it never was, or its record has expired.";
    LimitExceeded = -32005, "Limit exceeded", "A limit of the gateway, which `data` names.";
    Cancelled = -32006, "Task cancelled", "The task was cancelled.";
    Unavailable = -32007, "Unavailable", "The transport is away, or the gateway shuts down. Try again.";
    Lost = -32008, "Task lost", "The store of the transport has lost the task.";
    QueueFull = -32009, "Queue full", "As many tasks wait for the worker id as may. Try again later.";
    Conflict = -32010, "Conflict", "The request id stands for another request.";
}
