use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{Claim, Clock, Completion, Finished, InstanceId, Signal, WallTime, WorkerId};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::args::Args;
use crate::batcher::Batcher;
use crate::caller::{Caller, LONGEST_WAIT};
use crate::claims::{Claims, Room};
use crate::client::{ClientError, Link, LinkState, Reply};
use crate::config::RedisConfig;
use crate::crash::crash_point;
use crate::finishes::FinishOne;
use crate::given::{Given, millis};
use crate::inbox::Listener;
use crate::packed::unpack;
use crate::script::Script;
use crate::waits::Waits;
use crate::{keys, wire};

/// One instance, as it lives on the bridge.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) worker_id: WorkerId,
    pub(crate) caller: Arc<Caller>,
    /// The connection on which it waits for wake-ups.
    link: Link,
    pub(crate) waits: Arc<Waits>,
    pub(crate) finishes: Arc<Batcher<FinishOne, Finished>>,
    claims: Mutex<Claims>,
    /// Something has changed that the claim loop may wait for.
    pub(crate) changed: Notify,
    /// Keeps a claim and a renewal apart, whose answers would otherwise be about each other.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// How much a message may hold.
    pub(crate) max_message: usize,
    /// How much an outcome may hold.
    pub(crate) max_outcome: usize,
    /// How long a suspect keeps others out.
    pub(crate) probation: Duration,
    /// How many instances may die with a task.
    pub(crate) max_deliveries: u32,
}

/// What an instance waits for at the server.
struct Order {
    /// How many more tasks it may be given.
    credit: usize,
    /// When it has to look again.
    until: WallTime,
    /// If suspects wait for which it had too little room: how much it had.
    short_of: Option<Room>,
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
    /// There is nothing until then, or until a wake-up; or until it has more room than that.
    Empty(WallTime, Option<Room>),
    /// The lease has run out.
    Lost,
}

/// How long an instance that nobody claims for goes on being given tasks.
const LINGER: Duration = Duration::from_millis(2);

/// How long an instance claims suspects, one after another, before others have a turn.
const SUSPECTS_TURN: Duration = Duration::from_secs(1);

impl Instance {
    pub(crate) fn new(
        id: InstanceId,
        worker_id: WorkerId,
        caller: Arc<Caller>,
        link: Link,
        waits: Arc<Waits>,
        finishes: Arc<Batcher<FinishOne, Finished>>,
        config: &RedisConfig,
    ) -> Self {
        Self {
            id,
            worker_id,
            caller,
            link,
            waits,
            finishes,
            claims: Mutex::default(),
            changed: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
            max_message: config.max_message_bytes,
            max_outcome: config.max_outcome_bytes,
            probation: config.transport.probation,
            max_deliveries: config.transport.max_deliveries,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Claims> {
        // Nothing panics while it holds the lock, save for an allocation that fails.
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The arguments that name this instance.
    pub(crate) fn args(&self) -> Args {
        let mut args = Args::new();
        args.push_copy(self.worker_id.as_str()).push_display(self.id);
        args
    }

    /// Ends a claim here, once the server has said what it makes of it, or could not. Whether it could not,
    /// and has given the same claim again meanwhile.
    pub(crate) fn finished(&self, claim: &Claim, answered: bool) -> bool {
        let mut claims = self.lock();
        let held_before = !claims.is_free();
        let (changed, came_again) = match answered {
            true => (claims.finished(claim), false),
            false => (false, claims.unfinished(claim)),
        };
        let holds_none = held_before && claims.is_free();
        drop(claims);
        if holds_none {
            self.waits.holds(false);
        }
        if changed {
            self.changed.notify_one();
        }
        came_again
    }

    /// The number of a hand-back, by which its script knows it again.
    pub(crate) fn next_hand_back(&self) -> String {
        let mut claims = self.lock();
        claims.hand_backs += 1;
        claims.hand_backs.to_string()
    }

    /// The end of a claim, on its way.
    pub(crate) fn finish(
        self: &Arc<Self>,
        done: &Completion,
    ) -> impl Future<Output = Result<Finished, ClientError>> + Send + use<> {
        let held = self.lock().finish(&done.claim);
        self.finishes.ask(FinishOne::new(self, done, held.as_ref()))
    }

    /// Loses all claims here.
    pub(crate) fn lose_all(&self) {
        let mut claims = self.lock();
        let held_before = !claims.is_free();
        claims.lose_all();
        let holds_none = held_before && claims.is_free();
        drop(claims);
        if holds_none {
            self.waits.holds(false);
        }
    }

    /// How often a connection was lost that tells it of its claims.
    fn reconnects(&self) -> u64 {
        self.caller.link.reconnects() + self.link.reconnects()
    }

    /// When to look for claims whose answer was lost: now, and again when nothing that was sent before a
    /// connection broke can be carried out any more.
    fn recoveries(&self) -> Vec<Instant> {
        /// How much longer than it should a wait may last.
        const MARGIN: Duration = Duration::from_millis(500);
        let now = Instant::now();
        vec![now, now + self.caller.timeout.max(LONGEST_WAIT + MARGIN)]
    }

    /// Claims for those who wait, until the instance ends.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut failing: Option<Instant> = None;
        let mut recover: Vec<Instant> = Vec::new();
        let mut order: Option<Order> = None;
        let mut reconnects = self.reconnects();
        loop {
            // A server that has lost the last of what it wrote knows of claims that have ended here.
            if self.reconnects() != reconnects {
                reconnects = self.reconnects();
                order = None;
                let now = Instant::now();
                recover.retain(|at| *at > now);
                recover.insert(0, now);
            }
            let returned = std::mem::take(&mut self.lock().returned);
            if !returned.is_empty() {
                self.pass_on(returned).await;
            }
            let (wanted, probation) = {
                let mut claims = self.lock();
                if claims.detached {
                    break;
                }
                let wanted = claims.wanted();
                let probation = claims.on_probation();
                let held_up = probation.is_some() || claims.expired;
                (if held_up { 0 } else { wanted }, probation)
            };
            if wanted == 0 && order.is_some() {
                // What it would be given now nobody here would run; but a lane that has just got a
                // task mostly comes again at once.
                if timeout(LINGER, self.changed.notified()).await.is_err() {
                    order = None;
                    if self.leave(false).await.is_err() {
                        recover = self.recoveries();
                    }
                }
                continue;
            }
            if wanted == 0 {
                let now = Instant::now();
                // Also if nobody here wants any: what the server has given it is then handed back.
                if recover.first().is_some_and(|at| *at <= now) && !self.lock().expired {
                    match self.recover().await {
                        Ok(()) => drop(recover.remove(0)),
                        Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                    continue;
                }
                let wake = [probation.flatten(), recover.first().copied()].into_iter().flatten().min();
                let pause = wake.map_or(Duration::from_secs(3_600), |at| at.saturating_duration_since(now));
                // A lease that has run out is renewed first, which notifies.
                let pause = if self.lock().expired { Duration::from_secs(3_600) } else { pause };
                let _ = timeout(pause, self.changed.notified()).await;
                continue;
            }
            if let Some(Order { credit, until, short_of }) = &mut order
                && *credit * 2 >= wanted
                && *until > self.caller.clock.wall()
            {
                match self.wait_or_leave(*until, *short_of, reconnects).await {
                    Waited::Given(count) if count < *credit => *credit -= count,
                    Waited::Given(_) => order = None,
                    // It may still count as one that waits.
                    Waited::Over => order = Some(Order { credit: 0, until: *until, short_of: None }),
                    Waited::Lost => {
                        order = None;
                        recover = self.recoveries();
                    }
                }
                continue;
            }
            order = None;
            let again = recover.first().is_some_and(|at| *at <= Instant::now());
            let result = async {
                if again {
                    self.recover().await?;
                    recover.remove(0);
                    if self.lock().wanted() == 0 {
                        return Ok(Answer::Again);
                    }
                }
                self.claim(wanted).await
            };
            match result.await {
                Ok(answer) => {
                    failing = None;
                    match answer {
                        Answer::Again => {}
                        Answer::Unasked => {
                            let until = self.caller.clock.wall();
                            order = Some(Order { credit: 0, until, short_of: None });
                        }
                        Answer::Empty(until, short_of) => {
                            order = Some(Order { credit: wanted, until, short_of });
                        }
                        Answer::Lost => self.lock().expired = true,
                    }
                }
                Err(error) => {
                    // The answer may have been lost, and the tasks claimed. What was sent before
                    // the connection broke may even be carried out after this.
                    recover = self.recoveries();
                    let since = *failing.get_or_insert_with(Instant::now);
                    if !matches!(error, ClientError::Lost(_)) || since.elapsed() >= self.caller.timeout {
                        failing = None;
                        self.lock().fail(&error.into());
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    /// Waits until it is given something; if nobody claims any more meanwhile, as in a worker that
    /// drains, it leaves at once those who are given tasks. So does one that has more room than when
    /// it was short of it: it may have a suspect now.
    async fn wait_or_leave(
        self: &Arc<Self>,
        next: WallTime,
        short_of: Option<Room>,
        reconnects: u64,
    ) -> Waited {
        let mut waiting = pin!(self.wait(next, reconnects));
        let mut left = false;
        loop {
            let over = {
                let mut claims = self.lock();
                claims.wanted() == 0 || short_of.is_some_and(|room| claims.room() > room)
            };
            if over && !left {
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
                () = self.changed.notified() => {}
            }
        }
    }

    /// Waits until it is given something, at most until `next`, and not on a connection that is newer
    /// than the order.
    async fn wait(self: &Arc<Self>, next: WallTime, reconnects: u64) -> Waited {
        let Ok((connection, number)) = self.link.get(Instant::now() + self.caller.timeout).await else {
            return Waited::Over;
        };
        if self.reconnects() != reconnects {
            return Waited::Over;
        }
        // Not a millisecond early: the server cuts its time off.
        let pause = (next - self.caller.clock.wall()).max(Duration::from_millis(1));
        let mut args = Args::new();
        args.push(keys::give(&self.caller.prefix, &self.worker_id, self.id));
        args.push(format!("{:.3}", pause.as_secs_f64()));
        match timeout(pause + self.caller.timeout, connection.command("BLPOP", args.into_vec())).await {
            Ok(Ok(reply)) => match reply.into_array().get(1).and_then(Reply::as_bytes) {
                Some(packed) => {
                    crash_point("claim.after_wake");
                    self.take(packed)
                }
                None => Waited::Over,
            },
            Ok(Err(error)) => {
                self.caller.note(&error.to_string());
                tokio::time::sleep(Duration::from_millis(10)).await;
                Waited::Lost
            }
            Err(_) => {
                self.link.discard(number);
                Waited::Lost
            }
        }
    }

    /// Takes what it was given: nothing, if it is only to look again.
    fn take(self: &Arc<Self>, packed: &Bytes) -> Waited {
        let mut parts = unpack(packed).into_iter();
        let (Some(now), Some(kind)) = (parts.next(), parts.next()) else { return Waited::Over };
        let (rest, suspect) = (parts.as_slice(), &kind[..] == b"suspect");
        let given = if &kind[..] == b"given" { Given::first(rest) } else { Given::read(rest) };
        let count = given.len();
        let claimed = self.adopt(millis(&now), given, &HashSet::new());
        crash_point("claim.after");
        self.lock().distribute(claimed);
        if suspect { Waited::Over } else { Waited::Given(count) }
    }

    async fn claim(self: &Arc<Self>, wanted: usize) -> Result<Answer, ClientError> {
        let _turn = self.turn.lock().await;
        let (room, turn_over) = {
            let mut claims = self.lock();
            // They may have gone while it waited for its turn.
            if claims.detached || claims.expired || claims.wanted() == 0 {
                return Ok(Answer::Unasked);
            }
            (claims.room(), claims.suspects_since.is_some_and(|since| since.elapsed() > SUSPECTS_TURN))
        };
        let mut args = self.args();
        args.push_display(wanted).push_display(room as u8).push_flag(turn_over).push_display(wire::VERSION);
        let deadline = Instant::now() + self.caller.timeout;
        let replies = self.caller.run_once(Script::Claim, args, deadline).await?;
        let number = |index: usize| replies.get(index).and_then(Reply::as_u64).unwrap_or(0);
        let (now, next_due) = (number(0), number(2));
        let kind = replies.get(1).and_then(Reply::as_str).unwrap_or_default();
        match kind {
            "claimed" | "suspect" => {}
            "given" => {
                for packed in replies.iter().skip(3).filter_map(Reply::as_bytes) {
                    self.take(packed);
                }
                return Ok(Answer::Again);
            }
            "empty" => return Ok(Answer::Empty(WallTime::from_millis(next_due), None)),
            "short" => return Ok(Answer::Empty(WallTime::from_millis(next_due), Some(room))),
            // It has to end tasks first, and is given none until then.
            "busy" => return Ok(Answer::Empty(WallTime::from_millis(next_due.max(now + 10)), Some(room))),
            "lost" => return Ok(Answer::Lost),
            _ => return Err(ClientError::Unexpected("a claim")),
        }
        crash_point("claim.after");
        let claimed = self.adopt(WallTime::from_millis(now), Given::of_replies(&replies), &HashSet::new());
        if claimed.iter().any(|claimed| claimed.deaths > 0) {
            crash_point("take_over.after");
        }
        self.lock().distribute(claimed);
        Ok(Answer::Again)
    }

    /// Stops to be given tasks. If it is `blocked` in its wait, that ends too.
    async fn leave(self: &Arc<Self>, blocked: bool) -> Result<(), ClientError> {
        let _turn = self.turn.lock().await;
        if self.lock().detached {
            return Err(ClientError::Lost("the instance has ended".into())); // nobody wakes it there
        }
        let mut args = self.args();
        args.push_static(if blocked { "-1" } else { "0" }).push_static("0").push_static("0");
        args.push_display(wire::VERSION);
        let deadline = Instant::now() + self.caller.timeout;
        let replies = self.caller.run_once(Script::Claim, args, deadline).await?;
        if replies.get(1).and_then(Reply::as_str) == Some("given") {
            for packed in replies.iter().skip(3).filter_map(Reply::as_bytes) {
                self.take(packed);
            }
        }
        Ok(())
    }
}

impl Listener for Instance {
    fn signal(&self, signal: Signal) {
        self.lock().signal(signal);
    }
}
