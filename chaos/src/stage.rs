use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rhai_dispatcher::TaskId;
use rhai_dispatcher::transport::Transport;
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rustix::process::Signal;

use crate::fault::{Fault, Hit, Target};
use crate::journal::now;
use crate::ledger::{RecordStory, outcome_of};
use crate::network::Network;
use crate::process::{Process, signal};
use crate::{Chronicle, Journal, Ledger, PREFIX, Tail, TaskKind};

/// A server with its workers, submitters and a waiter, and all that is known of them.
#[derive(Debug)]
pub struct Stage {
    pub(crate) network: Network,
    /// Where the programs are.
    programs: PathBuf,
    /// Where the journal and the logs are.
    directory: tempfile::TempDir,
    tail: Tail,
    /// What the processes noted.
    pub chronicle: Chronicle,
    /// What the server wrote.
    pub ledger: Ledger,
    /// What struck.
    pub hits: Vec<Hit>,
    /// Processes that ended without being made to.
    pub unexpected: Vec<String>,
    /// The workers that are there from the beginning, or in place of one that died.
    pub workers: Vec<Process>,
    /// The submitters, likewise.
    pub submitters: Vec<Process>,
    /// Submitters of a burst.
    pub bursts: Vec<Process>,
    waiter: Process,
    seed: u64,
    /// By how many seconds the server's clock is off that of the processes.
    clock_offset: i64,
}

/// How far the server's clock is off at first, and jumps, in seconds.
const CLOCK_STEP: i64 = 60;

/// How many workers serve: two are left when one dies, so suspects don't wait for one alone.
const WORKERS: usize = 3;

/// How many submitters submit.
const SUBMITTERS: usize = 2;

/// How often the stage is looked at.
const LOOK: Duration = Duration::from_millis(20);

impl Stage {
    /// Starts all of it. `fsync` is the server's `appendfsync`.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(fsync: &str, seed: u64) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("rhai-chaos-").tempdir()?;
        let network = Network::open(fsync);
        // Clients whose clocks are a minute ahead, from their first calls on.
        let config = RedisConfig::new(network.server.url()).with_prefix(PREFIX);
        let transport = RedisTransport::new(config).map_err(io::Error::other)?;
        block_on(transport.queues()).map_err(io::Error::other)?;
        drop(transport);
        network.server.set_clock_offset(-CLOCK_STEP);
        let journal = Journal::open(&directory.path().join("journal"))?;
        let tail = journal.tail()?;
        let programs = std::env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
        let ledger = Ledger::new(network.server.directory());
        let mut command = Command::new(programs.join("chaos-waiter"));
        command.args(["--url", &network.url(), "--journal"]).arg(directory.path().join("journal"));
        let waiter = Process::start(&mut command, &directory.path().join("waiter.log"))?;
        let mut stage = Self {
            network,
            programs,
            directory,
            tail,
            chronicle: Chronicle::default(),
            ledger,
            hits: Vec::new(),
            unexpected: Vec::new(),
            workers: Vec::new(),
            submitters: Vec::new(),
            bursts: Vec::new(),
            waiter,
            seed,
            clock_offset: -CLOCK_STEP,
        };
        for _ in 0..WORKERS {
            let worker = stage.start_worker(None)?;
            stage.workers.push(worker);
        }
        for _ in 0..SUBMITTERS {
            let submitter = stage.start_submitter(None, None)?;
            stage.submitters.push(submitter);
        }
        Ok(stage)
    }

    /// Starts a worker, which dies at `crash_point`.
    ///
    /// # Errors
    /// What the system says.
    pub fn start_worker(&mut self, crash_point: Option<&str>) -> io::Result<Process> {
        let way = self.network.open_way();
        let worker = self.start("chaos-worker", &way.url(), &[], crash_point)?;
        self.network.keep_way(worker.pid(), way);
        Ok(worker)
    }

    /// Starts a worker that serves in a child process.
    ///
    /// # Errors
    /// What the system says.
    pub fn start_supervised(&mut self) -> io::Result<Process> {
        /// Longer than the tasks that it is given last: none is handed back.
        const GRACE_MS: &str = "20000";
        let way = self.network.open_way();
        let worker = self.start("chaos-worker", &way.url(), &["--supervised", "--grace", GRACE_MS], None)?;
        self.network.keep_way(worker.pid(), way);
        Ok(worker)
    }

    /// Starts a submitter of a steady stream, or of so many tasks at once, which dies at
    /// `crash_point`.
    ///
    /// # Errors
    /// What the system says.
    pub fn start_submitter(
        &mut self,
        burst: Option<usize>,
        crash_point: Option<&str>,
    ) -> io::Result<Process> {
        self.seed = self.seed.wrapping_add(1);
        let mut args = vec!["--seed".to_owned(), self.seed.to_string()];
        if let Some(count) = burst {
            args.extend(["--burst".to_owned(), count.to_string()]);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.start("chaos-submitter", &self.network.url(), &args, crash_point)
    }

    /// Submits `count` tasks at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn burst(&mut self, count: usize, more: &[&str]) -> io::Result<()> {
        let count = count.to_string();
        let args: Vec<&str> = ["--burst", &count].into_iter().chain(more.iter().copied()).collect();
        let burst = self.start("chaos-submitter", &self.network.url(), &args, None)?;
        self.bursts.push(burst);
        Ok(())
    }

    fn start(
        &self,
        program: &str,
        url: &str,
        args: &[&str],
        crash_point: Option<&str>,
    ) -> io::Result<Process> {
        let mut command = Command::new(self.programs.join(program));
        command.args(["--url", url, "--journal"]).arg(self.directory.path().join("journal"));
        command.args(args);
        if let Some(point) = crash_point {
            command.env("RHAI_CRASH_POINT", point);
        }
        Process::start(&mut command, &self.directory.path().join(format!("{program}.log")))
    }

    /// Lets `duration` pass.
    ///
    /// # Errors
    /// What the system says.
    pub fn pass(&mut self, duration: Duration) -> io::Result<()> {
        self.until(duration, |_| false).map(drop)
    }

    /// Lets time pass until `done`, but no more than `limit`; whether it was.
    ///
    /// # Errors
    /// What the system says.
    pub fn until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> io::Result<bool> {
        let end = Instant::now() + limit;
        loop {
            self.look()?;
            if done(self) {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            thread::sleep(LOOK);
        }
    }

    fn look(&mut self) -> io::Result<()> {
        for entry in self.tail.read()? {
            self.chronicle.add(entry);
        }
        self.ledger.read()?;
        for index in 0..self.workers.len() {
            let Some(end) = self.workers[index].ended() else { continue };
            let pid = self.workers[index].pid();
            if end == Signal::ABORT.as_raw() {
                let at = now();
                self.strike(Hit {
                    fault: Fault::Poison,
                    at,
                    until: at,
                    target: Target::Worker { pid, dead: true },
                });
            } else {
                self.unexpected.push(format!("worker {pid} ended with signal {end}"));
            }
            self.workers[index] = self.start_worker(None)?;
        }
        for index in 0..self.submitters.len() {
            let Some(end) = self.submitters[index].ended() else { continue };
            let pid = self.submitters[index].pid();
            self.unexpected.push(format!("submitter {pid} ended with signal {end}"));
            self.submitters[index] = self.start_submitter(None, None)?;
        }
        let ended: Vec<_> = self.bursts.extract_if(.., |burst| burst.ended().is_some()).collect();
        for mut burst in ended {
            if burst.ended() != Some(0) {
                self.unexpected.push(format!("a burst ended with signal {:?}", burst.ended()));
            }
        }
        Ok(())
    }

    /// Notes a hit.
    pub fn strike(&mut self, hit: Hit) {
        self.hits.push(hit);
    }

    /// Tasks that have been started and have no outcome.
    #[must_use]
    pub fn running(&self) -> usize {
        let records = self.ledger.records();
        let is_open = |id: &TaskId| records.get(id).is_some_and(RecordStory::is_open);
        self.chronicle.tasks.iter().filter(|(id, story)| !story.starts.is_empty() && is_open(id)).count()
    }

    /// Long tasks that have been started and have no outcome.
    #[must_use]
    pub fn running_long(&self) -> usize {
        let long = self.ledger.records().iter().filter(|(_, record)| record.kind == Some(TaskKind::Long));
        let runs = |id: &TaskId| self.chronicle.tasks.get(id).is_some_and(|story| !story.starts.is_empty());
        long.filter(|(id, record)| record.is_open() && runs(id)).count()
    }

    /// Tasks that were started last by that worker and have no outcome.
    #[must_use]
    pub fn running_on(&self, worker: u32) -> usize {
        let records = self.ledger.records();
        let stories = self.chronicle.tasks.iter();
        let running = stories.filter(|(id, story)| {
            story.starts.last().is_some_and(|start| start.pid == worker)
                && records.get(id).is_some_and(RecordStory::is_open)
        });
        running.count()
    }

    /// Whether that worker has begun a task.
    #[must_use]
    pub fn has_begun(&self, worker: u32) -> bool {
        self.chronicle.tasks.values().any(|story| story.starts.iter().any(|start| start.pid == worker))
    }

    /// Whether that worker has just begun a task that lasts.
    #[must_use]
    pub fn has_just_begun(&self, worker: u32) -> bool {
        /// Far from the end of the shortest of them, in ms.
        const JUST: u64 = 200;
        let since = now().saturating_sub(JUST);
        self.chronicle.tasks.iter().any(|(id, story)| {
            let record = self.ledger.records().get(id);
            record.is_some_and(|record| record.kind == Some(TaskKind::Long) && record.is_open())
                && story.starts.last().is_some_and(|start| start.pid == worker && start.at >= since)
        })
    }

    /// The worker, by its place, that runs the most tasks: a fault that strikes an idle one shows
    /// nothing.
    ///
    /// # Errors
    /// What the system says.
    pub fn busiest_worker(&mut self) -> io::Result<usize> {
        /// How many tasks it should run at least.
        const BUSY: usize = 3;
        /// How long it is waited for.
        const PATIENCE: Duration = Duration::from_secs(5);
        let mut busiest = (0, 0);
        self.until(PATIENCE, |stage| {
            let mut running = HashMap::<u32, usize>::new();
            for (id, story) in &stage.chronicle.tasks {
                let is_open = stage.ledger.records().get(id).is_some_and(RecordStory::is_open);
                if let Some(start) = story.starts.last().filter(|_| is_open) {
                    *running.entry(start.pid).or_default() += 1;
                }
            }
            let count = |worker: &Process| running.get(&worker.pid()).copied().unwrap_or(0);
            busiest = (0..)
                .zip(&stage.workers)
                .map(|(index, worker)| (count(worker), index))
                .max()
                .unwrap_or_default();
            busiest.0 >= BUSY
        })?;
        Ok(busiest.1)
    }

    /// Kills the server.
    pub fn kill_server(&mut self) {
        self.network.server.kill();
    }

    /// Starts the server again.
    pub fn restart_server(&mut self) {
        self.network.server.restart();
    }

    /// Stops the server (SIGSTOP).
    pub fn pause_server(&self) {
        signal(self.network.server.pid(), Signal::STOP);
    }

    /// Continues it.
    pub fn resume_server(&self) {
        signal(self.network.server.pid(), Signal::CONT);
    }

    /// Cuts connections: all of them, or those that `pick` says.
    ///
    /// # Errors
    /// What the server says.
    pub fn cut(&self, mut pick: impl FnMut() -> bool) -> redis::RedisResult<usize> {
        let mut connection = redis::Client::open(self.network.server.url())?.get_connection()?;
        let own: u64 = redis::cmd("CLIENT").arg("ID").query(&mut connection)?;
        let list: String = redis::cmd("CLIENT").arg(&["LIST", "TYPE", "NORMAL"]).query(&mut connection)?;
        let ids = list.lines().filter_map(|line| line.strip_prefix("id=")?.split(' ').next()?.parse().ok());
        let mut cut = 0;
        for id in ids.filter(|id: &u64| *id != own) {
            if pick() {
                let killed: redis::RedisResult<u64> =
                    redis::cmd("CLIENT").arg(&["KILL", "ID"]).arg(id).query(&mut connection);
                cut += usize::from(killed.is_ok_and(|killed| killed > 0));
            }
        }
        Ok(cut)
    }

    /// Sets the server's clock on by a minute.
    pub fn advance_clock(&mut self) {
        self.clock_offset += CLOCK_STEP;
        self.network.server.set_clock_offset(self.clock_offset);
    }

    /// Lets everything end: no more tasks, then no more waits, then the workers. What did not end
    /// within `limit` is noted, with what it was at.
    ///
    /// # Errors
    /// What the system says.
    pub fn drain(&mut self, limit: Duration) -> io::Result<()> {
        let mut submitters = std::mem::take(&mut self.submitters);
        submitters.iter_mut().for_each(Process::drain);
        self.until(limit, |stage| {
            stage.bursts.is_empty() && submitters.iter_mut().all(|submitter| submitter.ended().is_some())
        })?;
        submitters.append(&mut self.bursts);
        submitters.iter_mut().for_each(|submitter| self.note_end("submitter", submitter));
        self.waiter.drain();
        self.until(limit, |stage| stage.waiter.ended().is_some() && stage.ledger.open() == 0)?;
        self.note_open();
        let mut workers = std::mem::take(&mut self.workers);
        workers.iter_mut().for_each(Process::drain);
        self.until(limit, |_| workers.iter_mut().all(|worker| worker.ended().is_some()))?;
        workers.iter_mut().for_each(|worker| self.note_end("worker", worker));
        self.look()
    }

    /// Notes a process that was asked to end and did not, or not well.
    fn note_end(&mut self, name: &str, process: &mut Process) {
        let pid = process.pid();
        match process.ended() {
            Some(0) => {}
            Some(end) => {
                self.unexpected.push(format!("{name} {pid} was asked to end, and did with signal {end}"));
            }
            None => self.unexpected.push(format!("{name} {pid} did not end: {}", self.occupation(pid))),
        }
    }

    /// Notes the waiter, if it has not ended, and the tasks that have no outcome.
    fn note_open(&mut self) {
        /// How many tasks are named.
        const NAMED: usize = 5;
        if self.waiter.ended() != Some(0) {
            let (pid, end) = (self.waiter.pid(), self.waiter.ended());
            self.unexpected
                .push(format!("waiter {pid} did not end, or with {end:?}: {}", self.occupation(pid)));
        }
        let open = self.ledger.records().iter().filter(|(_, record)| record.is_open());
        let named: Vec<_> = open
            .take(NAMED)
            .map(|(id, record)| {
                format!("task {id} has no outcome: {record:?} {:?}", self.chronicle.tasks.get(id))
            })
            .collect();
        let more = self.ledger.open().saturating_sub(named.len());
        self.unexpected.extend(named);
        if more > 0 {
            self.unexpected.push(format!("{more} more tasks have no outcome"));
        }
    }

    /// What a process was last seen to do, and what it has not brought to its end.
    fn occupation(&self, pid: u32) -> String {
        let latest =
            self.chronicle.latest.get(&pid).map(|entry| (now().saturating_sub(entry.at), &entry.event));
        let tasks = &self.chronicle.tasks;
        let waits = |id: &&TaskId| tasks[*id].waits.iter().any(|wait| wait.pid == pid && wait.end.is_none());
        let is_open = |id: &TaskId| self.ledger.records().get(id).is_some_and(RecordStory::is_open);
        let runs =
            |id: &&TaskId| is_open(id) && tasks[*id].starts.last().is_some_and(|start| start.pid == pid);
        let (waits, runs): (Vec<_>, Vec<_>) =
            (tasks.keys().filter(waits).collect(), tasks.keys().filter(runs).collect());
        format!(
            "its last note, with its age in ms, is {latest:?}; it waits for {} tasks {:?}, and runs {} {:?}",
            waits.len(),
            waits.first(),
            runs.len(),
            runs.first()
        )
    }

    /// The outcome that each record has now, as a client of another make reads it.
    ///
    /// # Errors
    /// What the server says.
    pub fn read_records(&self, ids: &[TaskId]) -> redis::RedisResult<HashMap<TaskId, Option<String>>> {
        /// How many records are asked for at once.
        const AT_ONCE: usize = 500;
        const FIELDS: [&str; 5] = ["status", "output", "error_kind", "error", "cancel_reason"];
        let mut connection = redis::Client::open(self.network.server.url())?.get_connection()?;
        let mut records = HashMap::new();
        for ids in ids.chunks(AT_ONCE) {
            let mut pipe = redis::pipe();
            for id in ids {
                pipe.cmd("HMGET").arg(format!("{PREFIX}:{id}")).arg(&FIELDS);
            }
            let answers: Vec<Vec<Option<String>>> = pipe.query(&mut connection)?;
            for (id, values) in ids.iter().zip(answers) {
                let value = |name: &str| {
                    let index = FIELDS.iter().position(|field| *field == name)?;
                    values.get(index).cloned().flatten()
                };
                records.insert(*id, outcome_of(value));
            }
        }
        Ok(records)
    }

    /// Keeps the journal and the logs, and says where.
    #[must_use]
    pub fn keep(mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        // What the server has is part of it.
        let _ = std::fs::rename(
            self.network.server.directory().join("appendonlydir"),
            self.directory.path().join("aof"),
        );
        self.directory.path().to_owned()
    }
}
