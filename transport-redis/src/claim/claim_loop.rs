use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::claim_script::ClaimAnswer;
use super::credit::Credit;
use super::delivery_wait::{DeliveryWait, WaitEnd, reconnects};
use crate::client::{ClientError, Links};
use crate::deliver::ClaimReceiver;
use crate::recovery::recover;
use crate::script::LONGEST_WAIT;

/// Claims tasks for the claim calls of an instance, until the instance ends.
///
/// If no task is ready, the server keeps a *credit* for the instance: how many tasks it may deliver. The loop then
/// waits for deliveries. It withdraws the credit when no claim call waits any more. After an answer that may have been
/// lost it asks the server which claims it holds.
#[derive(Debug)]
pub(crate) struct ClaimLoop {
    receiver: ClaimReceiver,
    /// The connection on which it waits.
    links: Links,
    /// Its credit at the server, if it has one.
    credit: Option<Credit>,
    /// When to ask for claims whose answer was lost, the earliest first.
    recoveries: Vec<Instant>,
    /// How many connections had been lost at the last check.
    reconnects: u64,
    /// Since when claims have failed, one after the other.
    failing: Option<Instant>,
    /// How long it waits after the next failure.
    pause: Duration,
}

/// The shortest and longest pause after a claim that failed. The longest are for a server that answers, and carries
/// nothing out: a connection that is lost is waited for by the link.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// How long an instance keeps its credit while no claim call waits. A lane that has just got a task mostly claims again
/// within this time, so the next submit is delivered to it without queueing.
const KEEP_CREDIT: Duration = Duration::from_millis(10);

impl ClaimLoop {
    pub(crate) fn new(receiver: ClaimReceiver, links: Links) -> Self {
        let reconnects = reconnects(&receiver, &links);
        let (credit, recoveries, failing) = (None, Vec::new(), None);
        Self { receiver, links, credit, recoveries, reconnects, failing, pause: PAUSE.0 }
    }

    pub(crate) async fn run(mut self) {
        loop {
            self.note_reconnects();
            let returned = std::mem::take(&mut self.receiver.instance.lock().returned);
            if !returned.is_empty() {
                self.receiver.pass_on(returned).await;
            }
            let (wanted, alone_until) = {
                let mut claims = self.receiver.instance.lock();
                if claims.detached {
                    break;
                }
                let (wanted, alone_until) = (claims.wanted(), claims.alone_until());
                let held_up = alone_until.is_some() || claims.expired;
                (if held_up { 0 } else { wanted }, alone_until)
            };
            match self.credit {
                Some(_) if wanted == 0 => self.keep_credit().await,
                None if wanted == 0 => self.rest(alone_until).await,
                Some(credit) if credit.holds(wanted) => {
                    self.wait_for(credit).await;
                }
                _ => self.claim(wanted).await,
            }
        }
    }

    /// A server that has lost its last writes may list claims that have ended here.
    fn note_reconnects(&mut self) {
        let reconnects = reconnects(&self.receiver, &self.links);
        if reconnects != self.reconnects {
            self.reconnects = reconnects;
            self.credit = None;
            let now = Instant::now();
            self.recoveries.retain(|at| *at > now);
            self.recoveries.insert(0, now);
        }
    }

    /// An answer may have been lost: asks for its claims now, and again when no command that was sent before a
    /// connection broke can still be carried out.
    fn recover_soon(&mut self) {
        /// How much longer than it should a wait may last.
        const MARGIN: Duration = Duration::from_millis(500);
        let now = Instant::now();
        self.recoveries = vec![now, now + self.receiver.instance.caller.timeout.max(LONGEST_WAIT + MARGIN)];
    }

    fn is_recovery_due(&self) -> bool {
        self.recoveries.first().is_some_and(|at| *at <= Instant::now())
    }

    /// No claim call waits now, but a lane that has just got a task mostly claims again at once. Keeps the credit for
    /// [`KEEP_CREDIT`], then withdraws it.
    async fn keep_credit(&mut self) {
        if timeout(KEEP_CREDIT, self.receiver.instance.changed.notified()).await.is_err() {
            self.credit = None;
            if self.receiver.withdraw_credit(false).await.is_err() {
                self.recover_soon();
            }
        }
    }

    /// Waits until something changes, or the instance may claim again. A recovery is made also if no claim call waits:
    /// what the server has delivered is then released.
    async fn rest(&mut self, alone_until: Option<Instant>) {
        const LONG: Duration = Duration::from_secs(3_600);
        // A lease that has run out is renewed first, which notifies.
        let expired = self.receiver.instance.lock().expired;
        if self.is_recovery_due() && !expired {
            match recover(&self.receiver).await {
                Ok(()) => drop(self.recoveries.remove(0)),
                Err(error) => self.pause_after(&error).await,
            }
            return;
        }
        let wake = [alone_until, self.recoveries.first().copied()].into_iter().flatten().min();
        let pause = wake.filter(|_| !expired).map_or(LONG, |at| at.saturating_duration_since(Instant::now()));
        let _ = timeout(pause, self.receiver.instance.changed.notified()).await;
    }

    async fn wait_for(&mut self, credit: Credit) {
        let wait = DeliveryWait { receiver: &self.receiver, links: &self.links, reconnects: self.reconnects };
        self.credit = match wait.run(credit).await {
            WaitEnd::Delivered(count) if count < credit.tasks => {
                Some(Credit { tasks: credit.tasks - count, ..credit })
            }
            WaitEnd::Delivered(_) => None,
            WaitEnd::Over => Some(Credit::spent(credit.until)),
            WaitEnd::Lost => {
                self.recover_soon();
                None
            }
        };
    }

    async fn claim(&mut self, wanted: usize) {
        self.credit = None;
        match self.recover_and_ask(wanted).await {
            Ok(answer) => {
                (self.failing, self.pause) = (None, PAUSE.0);
                match answer {
                    ClaimAnswer::Again => {}
                    ClaimAnswer::Unasked => self.credit = Some(Credit::spent(Instant::now())),
                    ClaimAnswer::Credited(credit) => self.credit = Some(credit),
                    ClaimAnswer::Alone(until) => self.receiver.instance.lock().stay_alone(until),
                    ClaimAnswer::Lost => self.receiver.instance.lock().expired = true,
                }
            }
            Err(error) => {
                // The answer may have been lost, and the tasks claimed.
                self.recover_soon();
                let since = *self.failing.get_or_insert_with(Instant::now);
                if !error.is_passing() || since.elapsed() >= self.receiver.instance.caller.timeout {
                    self.failing = None;
                    self.receiver.instance.fail(&error.clone().into());
                }
                self.pause_after(&error).await;
            }
        }
    }

    async fn pause_after(&mut self, error: &ClientError) {
        let is_busy = matches!(error, ClientError::Busy(_) | ClientError::Moved(_));
        self.pause = if is_busy { (self.pause * 2).min(PAUSE.1) } else { PAUSE.0 };
        tokio::time::sleep(self.pause).await;
    }

    async fn recover_and_ask(&mut self, wanted: usize) -> Result<ClaimAnswer, ClientError> {
        if self.is_recovery_due() {
            recover(&self.receiver).await?;
            self.recoveries.remove(0);
            if self.receiver.instance.lock().wanted() == 0 {
                return Ok(ClaimAnswer::Again);
            }
        }
        self.receiver.ask(wanted).await
    }
}
