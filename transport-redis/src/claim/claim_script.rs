use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::credit::Credit;
use crate::client::{ClientError, ServerReply};
use crate::crash_points::crash_point;
use crate::deliver::{ClaimReceiver, DeliveredClaim};
use crate::script::{Script, unpack};
use crate::wire;

/// The answer of the claim script.
pub(super) enum ClaimAnswer {
    /// It claimed tasks, or may do so at once.
    Again,
    /// The script was not called: no claim call waits any more.
    Unasked,
    /// No task is ready. The server keeps a credit, and delivers tasks as they come.
    Credited(Credit),
    /// The instance gets no other task until then.
    Alone(Instant),
    /// The lease has run out.
    Lost,
}

/// The index of the first delivery in the answer to a claim.
const DELIVERED_AT: usize = 4;

/// The calls of the claim script.
impl ClaimReceiver {
    /// Asks for so many tasks.
    pub(super) async fn ask(&self, wanted: usize) -> Result<ClaimAnswer, ClientError> {
        let _claiming = self.instance.claiming.lock().await;
        {
            let mut claims = self.instance.lock();
            // The calls may have gone while it waited for the lock.
            if claims.detached || claims.expired || claims.wanted() == 0 {
                return Ok(ClaimAnswer::Unasked);
            }
        }
        let mut args = self.instance.args();
        args.push_display(wanted).push_display(wire::VERSION);
        let deadline = Instant::now() + self.instance.caller.timeout;
        let replies =
            self.instance.caller.run_once(Script::Claim, &self.instance.worker_id, args, deadline).await?;
        if replies.len() > DELIVERED_AT {
            self.instance.check_lease()?;
        }
        let number = |index: usize| replies.get(index).and_then(ServerReply::as_u64).unwrap_or(0);
        let next_due = Instant::now() + Duration::from_millis(number(2).saturating_sub(number(0)));
        let is_due_then = number(3) == 1;
        let (_, given) = self.take(replies.iter().skip(DELIVERED_AT).filter_map(ServerReply::as_bytes));
        match replies.get(1).and_then(ServerReply::as_str).unwrap_or_default() {
            "claimed" | "group" => Ok(ClaimAnswer::Again),
            "credit" => {
                let tasks = wanted.saturating_sub(given);
                Ok(ClaimAnswer::Credited(Credit { tasks, until: next_due, is_due_then }))
            }
            // A millisecond more: the server cuts its time off.
            "alone" => Ok(ClaimAnswer::Alone(next_due + Duration::from_millis(1))),
            "lost" => Ok(ClaimAnswer::Lost),
            _ => Err(ClientError::Unexpected("a claim")),
        }
    }

    /// Withdraws the credit. If the instance is `blocked` in its wait, that ends too.
    pub(super) async fn withdraw_credit(&self, blocked: bool) -> Result<(), ClientError> {
        let _claiming = self.instance.claiming.lock().await;
        if self.instance.lock().detached {
            return Err(ClientError::Lost("the instance has ended".into())); // its wait is not ended there
        }
        let mut args = self.instance.args();
        args.push_static(if blocked { "-1" } else { "0" }).push_display(wire::VERSION);
        let deadline = Instant::now() + self.instance.caller.timeout;
        let replies =
            self.instance.caller.run_once(Script::Claim, &self.instance.worker_id, args, deadline).await?;
        if replies.len() > DELIVERED_AT {
            self.instance.check_lease()?;
        }
        self.take(replies.iter().skip(DELIVERED_AT).filter_map(ServerReply::as_bytes));
        Ok(())
    }

    /// Receives deliveries for the claim calls that wait. Returns whether a group of the quarantine is among them, and
    /// the number of tasks; 0 if the instance only has to claim again.
    pub(super) fn take<'a>(&self, given: impl Iterator<Item = &'a Bytes>) -> (bool, usize) {
        let (mut is_group, mut count, mut claimed) = (false, 0, Vec::new());
        for packed in given {
            let mut parts = unpack(packed).into_iter();
            let (Some(now), Some(kind)) = (parts.next(), parts.next()) else { continue };
            let given = DeliveredClaim::read(parts.as_slice());
            is_group |= &kind[..] == b"group";
            count += given.len();
            claimed.extend(self.receive(wire::millis(&now), given, &HashSet::new()));
        }
        crash_point("claim.after");
        if claimed.iter().any(|claimed| claimed.deaths > 0) {
            crash_point("take_over.after");
        }
        self.instance.distribute(claimed);
        (is_group, count)
    }
}
