use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher::transport::{Transport, TransportError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Snapshot;
use super::history::History;

/// Reads the numbers of all queues, once for all who look at them.
///
/// Without a page that is looked at it reads nothing.
#[derive(Debug, Default)]
pub(crate) struct Monitor(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<(Instant, Arc<Snapshot>)>,
    history: History,
}

impl Monitor {
    /// How old what is read may be. Pages are read every 2 s: several of them share one reading.
    const MAX_AGE: Duration = Duration::from_millis(900);

    /// The numbers, at most 0.9 s old.
    ///
    /// # Errors
    /// Those of the transport.
    pub(in crate::dashboard) async fn read(
        &self,
        transport: &Arc<dyn Transport>,
    ) -> Result<Arc<Snapshot>, TransportError> {
        let mut state = self.0.lock().await;
        if let Some((at, snapshot)) = &state.last
            && at.elapsed() < Self::MAX_AGE
        {
            return Ok(Arc::clone(snapshot));
        }
        let snapshot = Arc::new(Snapshot::read(transport, &mut state.history).await?);
        state.last = Some((Instant::now(), Arc::clone(&snapshot)));
        Ok(snapshot)
    }
}
