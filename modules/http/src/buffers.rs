use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{HttpError, HttpErrorKind};

/// Bounds the memory of all answers that are being read. The limit of one answer alone would allow many concurrent
/// calls to take many times that memory.
#[derive(Debug)]
pub(crate) struct Buffers {
    used: AtomicUsize,
    max: usize,
}

/// The memory that one answer has reserved; dropping it frees the reservation.
#[derive(Debug)]
pub(crate) struct Share {
    buffers: Arc<Buffers>,
    bytes: usize,
}

impl Buffers {
    pub(crate) fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max }
    }

    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { buffers: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Reserves `bytes` more.
    ///
    /// # Errors
    /// If the limit is reached. Waiting for free memory could be a deadlock: the other answers may wait too.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), HttpError> {
        self.bytes += bytes;
        let used = self.buffers.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if used <= self.buffers.max {
            return Ok(());
        }
        let max = self.buffers.max;
        let message = format!(
            "all answers that are being read have more than {max} bytes (max_buffered_bytes); try again later"
        );
        Err(HttpError::new(HttpErrorKind::TooLarge, message))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.buffers.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together_and_given_back() {
        let buffers = Arc::new(Buffers::new(10));
        let (mut one, mut two) = (buffers.share(), buffers.share());
        assert!(one.grow(6).is_ok() && two.grow(4).is_ok());
        assert_eq!(two.grow(1).map_err(|error| error.kind()), Err(HttpErrorKind::TooLarge));
        drop(two);
        assert!(one.grow(4).is_ok());
        drop(one);
        assert_eq!(buffers.used.load(Ordering::Relaxed), 0);
    }
}
