use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe};

/// The message of a panic, which is dropped.
pub(crate) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    // A value of the program's may panic again when it is dropped.
    if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(second);
    }
    text.unwrap_or_else(|| "without a message".to_owned())
}
