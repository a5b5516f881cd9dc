use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either};
use rhai_dispatcher_core::{
    CancelReason, Clock, Consumer, CrashReport, Finish, InstanceSpec, Outcome, Payload, SystemClock, Task,
    Transport, TransportConfig, WorkerId,
};

use super::answer::{Answer, ClaimId, ClaimView, QueueView, SubmitAnswer, TaskView};
use super::numbering::Numbering;
use super::operation::{End, Operation, TaskSpec};
use super::queue_model::QueueModel;
use super::recovery::running_of;
use super::world::World;
use crate::instance::{Instance, completed, error, up_to};
use crate::waiting::Waiting;

/// How long a claim that has to get tasks may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Plays operations on a transport.
pub(super) struct Player<'w> {
    world: &'w dyn World,
    transport: Arc<dyn Transport>,
    worker_ids: [WorkerId; QueueModel::QUEUES],
    lease: Duration,
    clock: SystemClock,
    numbering: Numbering,
    /// The consumers in each slot.
    slots: Vec<Arc<dyn Consumer>>,
    /// One more of each queue, which never claims, so that the queue stays in use.
    keepers: Vec<Arc<dyn Consumer>>,
}

impl<'w> Player<'w> {
    pub(super) async fn new(world: &'w dyn World, config: &TransportConfig) -> Self {
        let transport = world.open(config.clone()).await;
        let mut player = Self {
            world,
            transport,
            worker_ids: world.worker_ids(),
            lease: config.lease,
            clock: SystemClock::new(),
            numbering: Numbering::default(),
            slots: Vec::new(),
            keepers: Vec::new(),
        };
        for queue in 0..QueueModel::QUEUES {
            let keeper = player.attach(queue).await;
            player.keepers.push(keeper);
        }
        for queue in QueueModel::SLOTS {
            let consumer = player.attach(queue).await;
            player.numbering.add_instance(consumer.instance());
            player.slots.push(consumer);
        }
        player
    }

    /// Plays a resolved operation, for which `model` is as before and `after` as after it, and expects `expected`.
    pub(super) async fn play(
        &mut self,
        operation: &Operation,
        model: &QueueModel,
        after: &QueueModel,
        expected: &Answer,
    ) -> Answer {
        if model.has_unread_expiry && matches!(operation, Operation::Cancel { .. } | Operation::Finish { .. })
        {
            self.queues().await; // a task that has expired may wait until then, and it is not promised which comes first
        }
        match operation {
            Operation::Submit { queue, tasks } => {
                let expires_at_once = tasks.iter().any(|task| task.expires_in == Some(Duration::ZERO));
                let tasks = tasks.iter().map(|task| self.task(*queue, *task).into()).collect();
                let answers = self.submit(tasks).await;
                if expires_at_once {
                    self.world.settle().await;
                }
                Answer::Submitted(answers)
            }
            Operation::SubmitAgain { task } => {
                Answer::Submitted(self.submit(vec![Arc::clone(self.numbering.task(*task))]).await)
            }
            Operation::Claim { slot, max } => {
                let Answer::Claimed(expected) = expected else { unreachable!("a claim is answered so") };
                let reserves = model.is_reserved(*slot) != after.is_reserved(*slot);
                Answer::Claimed(self.claim(*slot, *max, expected.len(), reserves).await)
            }
            Operation::Finish { claim, end } => self.finish(model, model.claims[*claim], *end).await,
            Operation::Cancel { task, reason } => {
                let id = self.numbering.task(*task).id;
                let answers = self.transport.cancel(&[id], *reason).await.expect("a cancel");
                Answer::Cancelled(answers[0])
            }
            Operation::SetPaused { queue, paused } => {
                self.transport.set_paused(&self.worker_ids[*queue], *paused).await.expect("a pause");
                Answer::Done
            }
            Operation::Elapse(time) => {
                self.elapse(*time, &self.living(model, None)).await;
                Answer::Done
            }
            Operation::LoseLease { slot } => {
                let instance = model.slots[*slot];
                if self.world.elapse().is_some() {
                    // Each wait is shorter than the lease of those that renew.
                    self.elapse(self.lease / 2, &self.living(model, None)).await;
                    self.elapse(self.lease / 2, &self.living(model, Some(*slot))).await;
                } else {
                    let worker_id = &self.worker_ids[QueueModel::SLOTS[*slot]];
                    self.world.end_lease(worker_id, self.numbering.instance(instance)).await;
                }
                Answer::Done
            }
            Operation::Renew { slot } => {
                let lost = self.slots[*slot].renew().await.expect("a renewal");
                let mut lost: Vec<_> = lost.into_iter().map(|claim| self.numbering.claim_id(claim)).collect();
                lost.retain(|claim| !model.known_lost.contains(claim));
                lost.sort();
                Answer::Lost(lost)
            }
            Operation::ReportCrash { slot, running } => {
                let instance = model.slots[*slot];
                let running = running_of(&model.instances[instance].held, *running);
                let report = CrashReport {
                    worker_id: self.worker_ids[QueueModel::SLOTS[*slot]].clone(),
                    instance: self.numbering.instance(instance),
                    running: running.map(|claim| self.numbering.task(claim.task).id).collect(),
                };
                Answer::Requeued(self.transport.report_crash(&report).await.expect("a report"))
            }
            Operation::Replace { slot } => {
                self.slots[*slot].detach().await.expect("a detach");
                self.slots[*slot] = self.attach(QueueModel::SLOTS[*slot]).await;
                self.numbering.add_instance(self.slots[*slot].instance());
                Answer::Done
            }
            // The queues first: what has expired ends then at the latest.
            Operation::Look => Answer::Seen { queues: self.queues().await, tasks: self.records().await },
        }
    }

    /// Ends the instances.
    pub(super) async fn end(self) {
        for consumer in self.slots.iter().chain(&self.keepers) {
            consumer.detach().await.expect("a detach");
        }
    }

    async fn attach(&self, queue: usize) -> Arc<dyn Consumer> {
        let spec = InstanceSpec::new(self.worker_ids[queue].clone());
        self.transport.attach(spec).await.expect("an instance")
    }

    fn task(&self, queue: usize, spec: TaskSpec) -> Task {
        let script = Payload::script(format!("{}", spec.script));
        let mut task = Task::new(self.worker_ids[queue].clone(), script, "caller");
        task.priority = spec.priority;
        task.delay = spec.delay;
        task.expires_in = spec.expires_in;
        task.request_id = spec.request.map(|request| format!("request {request}").into());
        task
    }

    async fn submit(&mut self, tasks: Vec<Arc<Task>>) -> Vec<SubmitAnswer> {
        let answers = self.transport.submit(tasks.clone()).await.expect("a submit");
        assert_eq!(answers.len(), tasks.len(), "one answer for each");
        let numbered = answers.into_iter().zip(tasks);
        numbered.map(|(answer, task)| self.numbering.submitted(answer, task)).collect()
    }

    /// Claims up to `max` tasks, of which `expected` are expected. A claim that takes less than it may would keep a
    /// credit, which a later submit uses: where time stands still it asks for no more than it is to get.
    async fn claim(&self, slot: usize, max: usize, expected: usize, reserves: bool) -> Vec<ClaimView> {
        let consumer = &self.slots[slot];
        let claimed = if self.world.elapse().is_some() {
            let mut waiting = Waiting::new(consumer.claim(up_to(max)));
            match future::select(&mut waiting, self.world.settle()).await {
                Either::Left((claimed, _)) => claimed.expect("a claim"),
                Either::Right(_) => Vec::new(),
            }
        } else if expected > 0 {
            let timeout = self.clock.sleep_until(self.clock.now() + PATIENCE);
            match future::select(consumer.claim(up_to(expected)), timeout).await {
                Either::Left((claimed, _)) => claimed.expect("a claim"),
                Either::Right(_) => Vec::new(),
            }
        } else if reserves {
            // It gets nothing, and is noted.
            let mut waiting = Waiting::new(consumer.claim(up_to(max)));
            let worker_id = &self.worker_ids[QueueModel::SLOTS[slot]];
            match future::select(&mut waiting, self.world.wait_for_credit(worker_id, true)).await {
                Either::Left((claimed, _)) => claimed.expect("a claim"),
                Either::Right(_) => {
                    drop(waiting);
                    self.world.wait_for_credit(worker_id, false).await;
                    Vec::new()
                }
            }
        } else {
            Vec::new()
        };
        let mut claimed: Vec<_> =
            claimed.into_iter().map(|claimed| (claimed.task.priority, claimed)).collect();
        // Within a priority the order is promised.
        claimed.sort_by_key(|(priority, _)| *priority as usize);
        claimed.iter().map(|(_, claimed)| self.numbering.claimed(claimed)).collect()
    }

    async fn finish(&self, model: &QueueModel, claim: ClaimId, end: End) -> Answer {
        let slot =
            model.slots.iter().position(|instance| *instance == claim.instance).expect("it is not detached");
        let finish = match end {
            End::Complete => completed("42"),
            End::Fail => Finish::Outcome(Outcome::Error(error())),
            End::Cancel => Finish::Outcome(Outcome::Cancelled(CancelReason::Asked)),
            End::RetryIn(delay) => Finish::RetryIn(delay, error()),
            End::Release => Finish::Release,
            End::Requeue => Finish::Requeue,
            End::Abandon => Finish::Abandon,
        };
        Answer::Finished(self.slots[slot].end(self.numbering.claim(claim), finish).await)
    }

    /// The consumers that live, but that of one slot.
    fn living(&self, model: &QueueModel, but: Option<usize>) -> Vec<Arc<dyn Consumer>> {
        let living = (0..self.slots.len()).filter(|slot| Some(*slot) != but && model.lives(*slot));
        living.map(|slot| Arc::clone(&self.slots[slot])).chain(self.keepers.iter().cloned()).collect()
    }

    async fn elapse(&self, time: Duration, living: &[Arc<dyn Consumer>]) {
        for consumer in living {
            consumer.renew().await.expect("a renewal");
        }
        self.world.elapse().expect("time passes here")(time);
    }

    async fn queues(&self) -> Vec<QueueView> {
        let mut views = Vec::new();
        for worker_id in &self.worker_ids {
            views.push(self.transport.queue(worker_id).await.expect("a queue").into());
        }
        views
    }

    async fn records(&self) -> Vec<TaskView> {
        let records = self.transport.details(&self.numbering.task_ids()).await.expect("details");
        records.into_iter().map(|record| self.numbering.record(record.expect("a record"))).collect()
    }
}
