use std::future::{Future, pending};
use std::panic::resume_unwind;

/// Does something and adds it to the audit log, as one piece of work that goes to its end also if the client leaves meanwhile:
/// otherwise a client that leaves at the right moment has something done without an entry.
pub(crate) async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and with it what waits here.
            Err(_) => pending().await,
        },
    }
}
