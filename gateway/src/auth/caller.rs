use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::GatewayConfig;
use crate::rpc::ErrorObject;

/// What one caller has in flight, over all its connections.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// One call in flight; it counts until it is dropped.
#[derive(Debug)]
pub(crate) struct CallPermit {
    caller: Arc<Caller>,
    bytes: usize,
}

impl Caller {
    /// Counts a call of `bytes`.
    ///
    /// # Errors
    /// If the caller has as many calls, or bytes of calls, as it may.
    pub(crate) fn begin(
        self: &Arc<Self>,
        bytes: usize,
        config: &GatewayConfig,
    ) -> Result<CallPermit, ErrorObject> {
        // The permit gives back what was counted, also when the call is refused.
        let permit = CallPermit { caller: Arc::clone(self), bytes };
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let all_bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let max = config.max_calls_per_caller;
        if calls > max {
            let reason = format!("the caller has {max} calls without an answer; wait for one of them");
            return Err(ErrorObject::limit("max_calls_per_caller", max, reason));
        }
        let max = config.max_call_bytes_per_caller;
        if all_bytes > max && calls > 1 {
            let reason =
                format!("the calls of the caller without an answer have {max} bytes; wait for one of them");
            return Err(ErrorObject::limit("max_call_bytes_per_caller", max, reason));
        }
        Ok(permit)
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        self.caller.calls.fetch_sub(1, Ordering::Relaxed);
        self.caller.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
