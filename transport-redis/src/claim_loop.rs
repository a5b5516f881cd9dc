use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};

use crate::args::Args;
use crate::caller::LONGEST_WAIT;
use crate::client::{ClientError, Link, LinkState, Reply};
use crate::crash::crash_point;
use crate::given::{Given, millis};
use crate::instance::Instance;
use crate::packed::unpack;
use crate::script::Script;
use crate::{keys, wire};

/// Claims for those who wait in an instance, until that ends.
///
/// If there is nothing to claim, the server has an *order* from then on, and gives what it says to the
/// instance, which waits for that. It leaves those who are given tasks when nobody here wants any more.
/// After an answer that may have been lost it asks what it holds.
#[derive(Debug)]
pub(crate) struct ClaimLoop {
    instance: Arc<Instance>,
    /// The connection on which it waits.
    link: Link,
    /// What it waits for at the server, if it does.
    order: Option<Order>,
    /// When to look for claims whose answer was lost, the earliest first.
    recoveries: Vec<Instant>,
    /// How many connections had been lost when it last looked.
    reconnects: u64,
    /// Since when claims have failed, one after the other.
    failing: Option<Instant>,
    /// How long it waits after the next failure.
    pause: Duration,
}

/// What an instance waits for at the server.
#[derive(Debug, Clone, Copy)]
struct Order {
    /// How many more tasks it may be given.
    credit: usize,
    /// When it has to look again.
    until: Instant,
    /// Whether something is due then that wakes it by its own timer: a delayed task, or a group of the quarantine.
    is_due_then: bool,
}

impl Order {
    /// One that is worth no more wait; the server may still count the instance as one that waits.
    const fn spent(until: Instant) -> Self {
        Self { credit: 0, until, is_due_then: false }
    }

    /// Whether to wait on for it, if so many tasks are wanted: it is not spent for the most part.
    fn holds(&self, wanted: usize) -> bool {
        self.credit.saturating_mul(2) >= wanted && self.until > Instant::now()
    }
}

/// How a wait has ended.
enum Waited {
    /// It was given so many tasks, and may be given more.
    Given(usize),
    /// It is to look again.
    Over,
    /// What it may have been given got lost.
    Lost,
}

/// What a claim script has said.
enum Answer {
    /// It gave tasks, or may do so at once.
    Again,
    /// It was not asked: nobody here wants anything any more.
    Unasked,
    /// There is no more, and it is given what comes.
    Ordered(Order),
    /// It gets no other task until then.
    Alone(Instant),
    /// The lease has run out.
    Lost,
}

/// The shortest and longest pause after a claim that failed. The longest are for a server that answers, and carries
/// nothing out: a connection that is lost is waited for by the link.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Where in the answer to a claim begins what is given.
const GIVEN_AT: usize = 4;

/// How long an instance that nobody claims for goes on being given tasks: as long as a lane may take to run
/// what it got last, since it would be a pity to give up the order and to queue what comes meanwhile.
const LINGER: Duration = Duration::from_millis(10);

/// How much longer the server lets an instance wait that wakes by its own timer.
const LATE: Duration = Duration::from_secs(1);

impl ClaimLoop {
    pub(crate) fn new(instance: Arc<Instance>, link: Link) -> Self {
        let (order, recoveries, failing) = (None, Vec::new(), None);
        let mut new = Self { instance, link, order, recoveries, reconnects: 0, failing, pause: PAUSE.0 };
        new.reconnects = new.count_reconnects();
        new
    }

    pub(crate) async fn run(mut self) {
        loop {
            self.note_reconnects();
            let returned = std::mem::take(&mut self.instance.lock().returned);
            if !returned.is_empty() {
                self.instance.pass_on(returned).await;
            }
            let (wanted, alone_until) = {
                let mut claims = self.instance.lock();
                if claims.detached {
                    break;
                }
                let (wanted, alone_until) = (claims.wanted(), claims.alone_until());
                let held_up = alone_until.is_some() || claims.expired;
                (if held_up { 0 } else { wanted }, alone_until)
            };
            match self.order {
                Some(_) if wanted == 0 => self.linger().await,
                None if wanted == 0 => self.rest(alone_until).await,
                Some(order) if order.holds(wanted) => {
                    self.wait_for(order).await;
                }
                _ => self.claim(wanted).await,
            }
        }
    }

    /// How often a connection was lost that tells it of its claims.
    fn count_reconnects(&self) -> u64 {
        self.instance.caller.link.reconnects() + self.link.reconnects()
    }

    /// A server that has lost the last of what it wrote knows of claims that have ended here.
    fn note_reconnects(&mut self) {
        let reconnects = self.count_reconnects();
        if reconnects != self.reconnects {
            self.reconnects = reconnects;
            self.order = None;
            let now = Instant::now();
            self.recoveries.retain(|at| *at > now);
            self.recoveries.insert(0, now);
        }
    }

    /// An answer may have been lost: looks for its claims now, and again when nothing that was sent before
    /// a connection broke can be carried out any more.
    fn recover_soon(&mut self) {
        /// How much longer than it should a wait may last.
        const MARGIN: Duration = Duration::from_millis(500);
        let now = Instant::now();
        self.recoveries = vec![now, now + self.instance.caller.timeout.max(LONGEST_WAIT + MARGIN)];
    }

    fn is_recovery_due(&self) -> bool {
        self.recoveries.first().is_some_and(|at| *at <= Instant::now())
    }

    /// Nobody here would run what it would be given now; but a lane that has just got a task mostly comes
    /// again at once.
    async fn linger(&mut self) {
        if timeout(LINGER, self.instance.changed.notified()).await.is_err() {
            self.order = None;
            if self.leave(false).await.is_err() {
                self.recover_soon();
            }
        }
    }

    /// Does nothing until something has changed, or it is alone no more; but for a recovery: also if nobody
    /// here wants any tasks, what the server has given it is then handed back.
    async fn rest(&mut self, alone_until: Option<Instant>) {
        const LONG: Duration = Duration::from_secs(3_600);
        // A lease that has run out is renewed first, which notifies.
        let expired = self.instance.lock().expired;
        if self.is_recovery_due() && !expired {
            match self.instance.recover().await {
                Ok(()) => drop(self.recoveries.remove(0)),
                Err(error) => self.pause_after(&error).await,
            }
            return;
        }
        let wake = [alone_until, self.recoveries.first().copied()].into_iter().flatten().min();
        let pause = wake.filter(|_| !expired).map_or(LONG, |at| at.saturating_duration_since(Instant::now()));
        let _ = timeout(pause, self.instance.changed.notified()).await;
    }

    async fn wait_for(&mut self, order: Order) {
        self.order = match self.wait_or_leave(order).await {
            Waited::Given(count) if count < order.credit => {
                Some(Order { credit: order.credit - count, ..order })
            }
            Waited::Given(_) => None,
            Waited::Over => Some(Order::spent(order.until)),
            Waited::Lost => {
                self.recover_soon();
                None
            }
        };
    }

    async fn claim(&mut self, wanted: usize) {
        self.order = None;
        match self.recover_and_ask(wanted).await {
            Ok(answer) => {
                (self.failing, self.pause) = (None, PAUSE.0);
                match answer {
                    Answer::Again => {}
                    Answer::Unasked => self.order = Some(Order::spent(Instant::now())),
                    Answer::Ordered(order) => self.order = Some(order),
                    Answer::Alone(until) => self.instance.lock().stay_alone(until),
                    Answer::Lost => self.instance.lock().expired = true,
                }
            }
            Err(error) => {
                // The answer may have been lost, and the tasks claimed.
                self.recover_soon();
                let since = *self.failing.get_or_insert_with(Instant::now);
                if !error.is_passing() || since.elapsed() >= self.instance.caller.timeout {
                    self.failing = None;
                    self.instance.lock().fail(&error.clone().into());
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

    async fn recover_and_ask(&mut self, wanted: usize) -> Result<Answer, ClientError> {
        if self.is_recovery_due() {
            self.instance.recover().await?;
            self.recoveries.remove(0);
            if self.instance.lock().wanted() == 0 {
                return Ok(Answer::Again);
            }
        }
        self.ask(wanted).await
    }

    /// Waits until it is given something; if nobody claims any more meanwhile, as in a worker that
    /// drains, it leaves at once those who are given tasks. So does one that wakes for what is due, by its own
    /// timer: the server ends its wait up to 1/`hz` late.
    async fn wait_or_leave(&self, order: Order) -> Waited {
        let Order { until, is_due_then, .. } = order;
        let mut waiting = pin!(self.wait(if is_due_then { until + LATE } else { until }));
        let mut due = pin!(sleep_until(until));
        let mut is_due = false;
        let mut left = false;
        loop {
            if !left && (is_due || self.instance.lock().wanted() == 0) {
                if self.leave(true).await.is_err() {
                    // The server would go on to give to the wait that nobody reads any more.
                    if let LinkState::Up(_, number) = &*self.link.watch().borrow() {
                        self.link.discard(*number);
                    }
                    return Waited::Lost;
                }
                // What it was given before that is on its way.
                left = true;
            }
            tokio::select! {
                biased;
                waited = &mut waiting => {
                    return if matches!(waited, Waited::Given(_)) && left { Waited::Over } else { waited };
                }
                () = self.instance.changed.notified() => {}
                () = &mut due, if is_due_then && !is_due => is_due = true,
            }
        }
    }

    /// Waits until it is given something, at most until `next`, and not on a connection that is newer
    /// than the order.
    async fn wait(&self, next: Instant) -> Waited {
        let Ok((connection, number)) = self.link.get(Instant::now() + self.instance.caller.timeout).await
        else {
            return Waited::Over;
        };
        if self.count_reconnects() != self.reconnects {
            return Waited::Over;
        }
        // Not a millisecond early: the server cuts its time off.
        let pause = next.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut args = Args::new();
        args.push(keys::give(&self.instance.caller.prefix, &self.instance.worker_id, self.instance.id));
        args.push(format!("{:.3}", pause.as_secs_f64()));
        let deadline = Instant::now() + pause + self.instance.caller.timeout;
        let error = match connection.blocking_command("BLPOP", args.into_vec(), pause, deadline).await {
            Ok(reply) => {
                let reply = reply.into_array();
                let Some(packed) = reply.get(1).and_then(Reply::as_bytes) else { return Waited::Over };
                crash_point("claim.after_wake");
                if self.instance.check_lease().is_err() {
                    return Waited::Lost;
                }
                return match self.take(std::iter::once(packed)) {
                    (true, _) | (_, 0) => Waited::Over,
                    (false, count) => Waited::Given(count),
                };
            }
            Err(error) => error,
        };
        self.instance.caller.note(&error.to_string());
        match error {
            ClientError::Demoted(_) => self.link.leave(number),
            ClientError::Timeout(_) => self.link.discard(number),
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        Waited::Lost
    }

    /// Takes what it was given, all for whoever waits: whether a group of the quarantine is among it, and how
    /// many tasks it is; none, if it is only to look again.
    fn take<'a>(&self, given: impl Iterator<Item = &'a Bytes>) -> (bool, usize) {
        let (mut is_group, mut count, mut claimed) = (false, 0, Vec::new());
        for packed in given {
            let mut parts = unpack(packed).into_iter();
            let (Some(now), Some(kind)) = (parts.next(), parts.next()) else { continue };
            let given = Given::read(parts.as_slice());
            is_group |= &kind[..] == b"group";
            count += given.len();
            claimed.extend(self.instance.adopt(millis(&now), given, &HashSet::new()));
        }
        crash_point("claim.after");
        if claimed.iter().any(|claimed| claimed.deaths > 0) {
            crash_point("take_over.after");
        }
        self.instance.lock().distribute(claimed);
        (is_group, count)
    }

    /// Asks for so many tasks.
    async fn ask(&self, wanted: usize) -> Result<Answer, ClientError> {
        let _turn = self.instance.turn.lock().await;
        {
            let mut claims = self.instance.lock();
            // They may have gone while it waited for its turn.
            if claims.detached || claims.expired || claims.wanted() == 0 {
                return Ok(Answer::Unasked);
            }
        }
        let mut args = self.instance.args();
        args.push_display(wanted).push_display(wire::VERSION);
        let deadline = Instant::now() + self.instance.caller.timeout;
        let replies = self.instance.caller.run_once(Script::Claim, args, deadline).await?;
        if replies.len() > GIVEN_AT {
            self.instance.check_lease()?;
        }
        let number = |index: usize| replies.get(index).and_then(Reply::as_u64).unwrap_or(0);
        let next_due = Instant::now() + Duration::from_millis(number(2).saturating_sub(number(0)));
        let is_due_then = number(3) == 1;
        let (_, given) = self.take(replies.iter().skip(GIVEN_AT).filter_map(Reply::as_bytes));
        match replies.get(1).and_then(Reply::as_str).unwrap_or_default() {
            "claimed" | "group" => Ok(Answer::Again),
            "ordered" => {
                let credit = wanted.saturating_sub(given);
                Ok(Answer::Ordered(Order { credit, until: next_due, is_due_then }))
            }
            // A millisecond more: the server cuts its time off.
            "alone" => Ok(Answer::Alone(next_due + Duration::from_millis(1))),
            "lost" => Ok(Answer::Lost),
            _ => Err(ClientError::Unexpected("a claim")),
        }
    }

    /// Stops to be given tasks. If it is `blocked` in its wait, that ends too.
    async fn leave(&self, blocked: bool) -> Result<(), ClientError> {
        let _turn = self.instance.turn.lock().await;
        if self.instance.lock().detached {
            return Err(ClientError::Lost("the instance has ended".into())); // nobody wakes it there
        }
        let mut args = self.instance.args();
        args.push_static(if blocked { "-1" } else { "0" }).push_display(wire::VERSION);
        let deadline = Instant::now() + self.instance.caller.timeout;
        let replies = self.instance.caller.run_once(Script::Claim, args, deadline).await?;
        if replies.len() > GIVEN_AT {
            self.instance.check_lease()?;
        }
        self.take(replies.iter().skip(GIVEN_AT).filter_map(Reply::as_bytes));
        Ok(())
    }
}
