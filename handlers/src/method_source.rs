use std::task::{Context, Poll};

use rhai_dispatcher_core::{HandlerInfo, MethodName, MethodSource};

use crate::Handlers;

impl MethodSource for Handlers {
    fn handlers(&self) -> Vec<HandlerInfo> {
        self.announced()
    }

    fn has(&self, method: &MethodName) -> bool {
        self.has(method)
    }

    fn poll_changed(&self, seen: u64, cx: &mut Context<'_>) -> Poll<u64> {
        /// Rust handlers stay what they are.
        const ONLY: u64 = 1;
        match self.folder() {
            Some(folder) => folder.poll_changed(seen, cx),
            None if seen == ONLY => Poll::Pending,
            None => Poll::Ready(ONLY),
        }
    }
}
