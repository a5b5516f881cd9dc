use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::credit::Credit;
use crate::client::{ClientError, Links, ServerReply};
use crate::crash_points::crash_point;
use crate::deliver::ClaimReceiver;
use crate::script::{Args, keys};
use crate::slot::Slot;

/// One wait for a delivery, with a credit at the server.
pub(super) struct DeliveryWait<'a> {
    pub(super) receiver: &'a ClaimReceiver,
    /// The connection on which it waits.
    pub(super) links: &'a Links,
    /// How many connections had been lost when the server granted the credit.
    pub(super) reconnects: u64,
}

/// How a wait for a delivery has ended.
pub(super) enum WaitEnd {
    /// So many tasks were delivered, and more may follow.
    Delivered(usize),
    /// It has to claim again.
    Over,
    /// A delivery may have been lost.
    Lost,
}

/// How much longer the server may block a wait that ends by a timer of this loop.
const LATE: Duration = Duration::from_secs(1);

/// How often a connection was lost that tells an instance of its claims: that of its calls, or the one on which it waits.
pub(super) fn reconnects(receiver: &ClaimReceiver, links: &Links) -> u64 {
    receiver.instance.caller.links.reconnects() + links.reconnects()
}

impl DeliveryWait<'_> {
    /// Waits for a delivery. If no claim call waits any more, as in a worker that drains, it withdraws the credit at
    /// once. It does so too when its own timer for due tasks ends, since the server ends a wait up to 1/`hz` late.
    pub(super) async fn run(&self, credit: Credit) -> WaitEnd {
        let instance = &*self.receiver.instance;
        let Credit { until, is_due_then, .. } = credit;
        let mut waiting = pin!(self.wait(if is_due_then { until + LATE } else { until }));
        let mut due = pin!(sleep_until(until));
        let mut is_due = false;
        let mut left = false;
        loop {
            if !left && (is_due || instance.lock().wanted() == 0) {
                if self.receiver.withdraw_credit(true).await.is_err() {
                    // The server would continue to deliver to a wait that is not read any more.
                    self.links.close();
                    return WaitEnd::Lost;
                }
                // Tasks that were delivered before that are on their way.
                left = true;
            }
            tokio::select! {
                biased;
                waited = &mut waiting => {
                    return if matches!(waited, WaitEnd::Delivered(_)) && left { WaitEnd::Over } else { waited };
                }
                () = instance.changed.notified() => {}
                () = &mut due, if is_due_then && !is_due => is_due = true,
            }
        }
    }

    /// Waits for a delivery, at most until `next`, and not on a connection that is newer than the credit.
    async fn wait(&self, next: Instant) -> WaitEnd {
        let instance = &*self.receiver.instance;
        let deliveries = keys::deliveries(&instance.caller.prefix, &instance.worker_id, instance.id);
        let (slot, deadline) = (Slot::of_key(&deliveries), Instant::now() + instance.caller.timeout);
        let Ok(linked) = self.links.get(slot, deadline).await else { return WaitEnd::Over };
        if reconnects(self.receiver, self.links) != self.reconnects {
            return WaitEnd::Over;
        }
        // Not a millisecond early: the server cuts its time off.
        let pause = next.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut args = Args::new();
        args.push(deliveries).push(format!("{:.3}", pause.as_secs_f64()));
        let deadline = Instant::now() + pause + instance.caller.timeout;
        let waited = linked.connection.blocking_command("BLPOP", args.into_vec(), pause, deadline).await;
        let error = match linked.checked(waited) {
            Ok(reply) => {
                let reply = reply.into_array();
                let Some(packed) = reply.get(1).and_then(ServerReply::as_bytes) else { return WaitEnd::Over };
                crash_point("claim.after_wake");
                if instance.check_lease().is_err() {
                    return WaitEnd::Lost;
                }
                return match self.receiver.take(std::iter::once(packed)) {
                    (true, _) | (_, 0) => WaitEnd::Over,
                    (false, count) => WaitEnd::Delivered(count),
                };
            }
            Err(error) => error,
        };
        instance.caller.note(&error.to_string());
        match error {
            ClientError::Demoted(_) => {}
            ClientError::Timeout(_) => linked.discard(),
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        WaitEnd::Lost
    }
}
