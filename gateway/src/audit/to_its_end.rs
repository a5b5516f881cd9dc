use std::future::{Future, pending};
use std::panic::resume_unwind;
use std::time::Duration;

use tokio::time::sleep;

use crate::core::{Core, Phase};

/// Does something and adds it to the audit log, as one piece of work that goes to its end also if the client leaves meanwhile:
/// otherwise a client that leaves at the right moment has something done without an entry.
pub(crate) async fn to_its_end<T: Send + 'static>(
    core: &Core,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    /// How much longer than the grace period of a shutdown it may take: the store may be away for long.
    const LONGEST: Duration = Duration::from_secs(5);
    let core = core.clone();
    let work = async move {
        let given_up = async {
            core.reached(Phase::Closed).await;
            sleep(LONGEST).await;
        };
        tokio::select! {
            done = work => Some(done),
            () = given_up => {
                tracing::error!("what a client asked for may have been done without an entry in the audit log: the gateway ends");
                None
            }
        }
    };
    match tokio::spawn(work).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(Some(done)) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The gateway or its runtime ends, and with it what waits here.
        Ok(None) | Err(Err(_)) => pending().await,
    }
}
