use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};

use super::credit::Credit;
use crate::client::{ClientError, Link, LinkState, ServerReply};
use crate::crash_points::crash_point;
use crate::deliver::{ClaimReceiver, DeliveredClaim};
use crate::recovery::recover;
use crate::script::{Args, LONGEST_WAIT, Script, keys, unpack};
use crate::wire;

/// Claims tasks for the claim calls of an instance, until the instance ends.
///
/// If no task is ready, the server keeps a *credit* for the instance: how many tasks it may deliver. The loop then
/// waits for deliveries. It withdraws the credit when no claim call waits any more. After an answer that may have been
/// lost it asks the server which claims it holds.
#[derive(Debug)]
pub(crate) struct ClaimLoop {
    receiver: ClaimReceiver,
    /// The connection on which it waits.
    link: Link,
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

/// How a wait for a delivery has ended.
enum WaitEnd {
    /// So many tasks were delivered, and more may follow.
    Delivered(usize),
    /// It has to claim again.
    Over,
    /// A delivery may have been lost.
    Lost,
}

/// The answer of the claim script.
enum ClaimAnswer {
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

/// The shortest and longest pause after a claim that failed. The longest are for a server that answers, and carries
/// nothing out: a connection that is lost is waited for by the link.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The index of the first delivery in the answer to a claim.
const DELIVERED_AT: usize = 4;

/// How long an instance keeps its credit while no claim call waits. A lane that has just got a task mostly claims again
/// within this time, so the next submit is delivered to it without queueing.
const KEEP_CREDIT: Duration = Duration::from_millis(10);

/// How much longer the server may block a wait that ends by a timer of this loop.
const LATE: Duration = Duration::from_secs(1);

impl ClaimLoop {
    pub(crate) fn new(receiver: ClaimReceiver, link: Link) -> Self {
        let (credit, recoveries, failing) = (None, Vec::new(), None);
        let mut new = Self { receiver, link, credit, recoveries, reconnects: 0, failing, pause: PAUSE.0 };
        new.reconnects = new.count_reconnects();
        new
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

    /// How often a connection was lost that tells it of its claims.
    fn count_reconnects(&self) -> u64 {
        self.receiver.instance.caller.link.reconnects() + self.link.reconnects()
    }

    /// A server that has lost its last writes may list claims that have ended here.
    fn note_reconnects(&mut self) {
        let reconnects = self.count_reconnects();
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
            if self.withdraw_credit(false).await.is_err() {
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
        self.credit = match self.wait_or_withdraw(credit).await {
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
                    self.receiver.instance.lock().fail(&error.clone().into());
                }
                self.pause_after(&error).await;
            }
        }
    }

    async fn pause_after(&mut self, error: &ClientError) {
        let is_busy = matches!(error, ClientError::Busy(_));
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
        self.ask(wanted).await
    }

    /// Waits for a delivery. If no claim call waits any more, as in a worker that drains, it withdraws the credit at
    /// once. It does so too when its own timer for due tasks ends, since the server ends a wait up to 1/`hz` late.
    async fn wait_or_withdraw(&self, credit: Credit) -> WaitEnd {
        let Credit { until, is_due_then, .. } = credit;
        let mut waiting = pin!(self.wait(if is_due_then { until + LATE } else { until }));
        let mut due = pin!(sleep_until(until));
        let mut is_due = false;
        let mut left = false;
        loop {
            if !left && (is_due || self.receiver.instance.lock().wanted() == 0) {
                if self.withdraw_credit(true).await.is_err() {
                    // The server would continue to deliver to a wait that is not read any more.
                    if let LinkState::Up(_, number) = &*self.link.watch().borrow() {
                        self.link.discard(*number);
                    }
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
                () = self.receiver.instance.changed.notified() => {}
                () = &mut due, if is_due_then && !is_due => is_due = true,
            }
        }
    }

    /// Waits for a delivery, at most until `next`, and not on a connection that is newer than the credit.
    async fn wait(&self, next: Instant) -> WaitEnd {
        let Ok((connection, number)) =
            self.link.get(Instant::now() + self.receiver.instance.caller.timeout).await
        else {
            return WaitEnd::Over;
        };
        if self.count_reconnects() != self.reconnects {
            return WaitEnd::Over;
        }
        // Not a millisecond early: the server cuts its time off.
        let pause = next.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut args = Args::new();
        args.push(keys::deliveries(
            &self.receiver.instance.caller.prefix,
            &self.receiver.instance.worker_id,
            self.receiver.instance.id,
        ));
        args.push(format!("{:.3}", pause.as_secs_f64()));
        let deadline = Instant::now() + pause + self.receiver.instance.caller.timeout;
        let error = match connection.blocking_command("BLPOP", args.into_vec(), pause, deadline).await {
            Ok(reply) => {
                let reply = reply.into_array();
                let Some(packed) = reply.get(1).and_then(ServerReply::as_bytes) else { return WaitEnd::Over };
                crash_point("claim.after_wake");
                if self.receiver.instance.check_lease().is_err() {
                    return WaitEnd::Lost;
                }
                return match self.take(std::iter::once(packed)) {
                    (true, _) | (_, 0) => WaitEnd::Over,
                    (false, count) => WaitEnd::Delivered(count),
                };
            }
            Err(error) => error,
        };
        self.receiver.instance.caller.note(&error.to_string());
        match error {
            ClientError::Demoted(_) => self.link.discard_generation(number),
            ClientError::Timeout(_) => self.link.discard(number),
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        WaitEnd::Lost
    }

    /// Receives deliveries for the claim calls that wait. Returns whether a group of the quarantine is among them, and
    /// the number of tasks; 0 if the instance only has to claim again.
    fn take<'a>(&self, given: impl Iterator<Item = &'a Bytes>) -> (bool, usize) {
        let (mut is_group, mut count, mut claimed) = (false, 0, Vec::new());
        for packed in given {
            let mut parts = unpack(packed).into_iter();
            let (Some(now), Some(kind)) = (parts.next(), parts.next()) else { continue };
            let given = DeliveredClaim::read(parts.as_slice());
            is_group |= &kind[..] == b"group";
            count += given.len();
            claimed.extend(self.receiver.receive(wire::millis(&now), given, &HashSet::new()));
        }
        crash_point("claim.after");
        if claimed.iter().any(|claimed| claimed.deaths > 0) {
            crash_point("take_over.after");
        }
        self.receiver.instance.lock().distribute(claimed);
        (is_group, count)
    }

    /// Asks for so many tasks.
    async fn ask(&self, wanted: usize) -> Result<ClaimAnswer, ClientError> {
        let _claiming = self.receiver.instance.claiming.lock().await;
        {
            let mut claims = self.receiver.instance.lock();
            // The calls may have gone while it waited for the lock.
            if claims.detached || claims.expired || claims.wanted() == 0 {
                return Ok(ClaimAnswer::Unasked);
            }
        }
        let mut args = self.receiver.instance.args();
        args.push_display(wanted).push_display(wire::VERSION);
        let deadline = Instant::now() + self.receiver.instance.caller.timeout;
        let replies = self.receiver.instance.caller.run_once(Script::Claim, args, deadline).await?;
        if replies.len() > DELIVERED_AT {
            self.receiver.instance.check_lease()?;
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
    async fn withdraw_credit(&self, blocked: bool) -> Result<(), ClientError> {
        let _claiming = self.receiver.instance.claiming.lock().await;
        if self.receiver.instance.lock().detached {
            return Err(ClientError::Lost("the instance has ended".into())); // its wait is not ended there
        }
        let mut args = self.receiver.instance.args();
        args.push_static(if blocked { "-1" } else { "0" }).push_display(wire::VERSION);
        let deadline = Instant::now() + self.receiver.instance.caller.timeout;
        let replies = self.receiver.instance.caller.run_once(Script::Claim, args, deadline).await?;
        if replies.len() > DELIVERED_AT {
            self.receiver.instance.check_lease()?;
        }
        self.take(replies.iter().skip(DELIVERED_AT).filter_map(ServerReply::as_bytes));
        Ok(())
    }
}
