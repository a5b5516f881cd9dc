use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use futures::future::try_join_all;

use super::ActivityCursor;
use crate::{
    ActivityEntry, ActivityFilter, ActivityPosition, ActivityRange, Transport, TransportError, WallTime,
    WorkerId,
};

/// Reads the logs of several worker ids as one, newest entry first, and looks which entries match a filter.
pub(super) struct LogReader<'a> {
    transport: &'a Arc<dyn Transport>,
    filter: &'a ActivityFilter,
    logs: Vec<Log>,
    /// How many entries of a log are read at once.
    at_once: usize,
    /// The transport's time of the first read.
    now: Option<WallTime>,
    /// The log with the newest entry, and the newest one of all other logs: as long as that is older, the next one is of the
    /// same log, since an instance logs many at a time.
    run: Option<(usize, Option<Key>)>,
    /// Where the last entry stood that was returned, and in which log.
    last: Option<(ActivityPosition, usize)>,
}

/// The order of entries. Of one position the entry of the least worker id comes first: the logs are in that order.
type Key = (ActivityPosition, Reverse<usize>);

/// An entry that was looked at.
pub(super) enum Looked {
    Matching(Box<ActivityEntry>),
    /// It does not match.
    Other,
}

struct Log {
    worker_id: WorkerId,
    /// Of most filters few entries match: the others take no room and are not moved.
    read: VecDeque<(ActivityPosition, Looked)>,
    before: Option<ActivityPosition>,
    is_at_end: bool,
}

/// How many entries of all logs together are held, about, and a quarter more at most: each read takes its part of it.
const HELD: usize = 16_384;

/// How many logs are read at the same time: bounds what a transport has under way.
const LOGS_AT_ONCE: usize = 64;

impl<'a> LogReader<'a> {
    pub(super) async fn new(
        transport: &'a Arc<dyn Transport>,
        filter: &'a ActivityFilter,
        after: Option<&ActivityCursor>,
    ) -> Result<Self, TransportError> {
        let mut worker_ids = match filter.worker_ids() {
            [] => transport.active_worker_ids().await?,
            named => named.to_vec(),
        };
        worker_ids.sort();
        worker_ids.dedup();
        let at_once = (HELD / worker_ids.len().max(1)).clamp(16, 2_000);
        let log = |worker_id: WorkerId| {
            let before = after.map(|after| match worker_id > after.worker_id {
                true => after.position.next(),
                false => after.position,
            });
            Log { worker_id, read: VecDeque::new(), before, is_at_end: false }
        };
        let logs = worker_ids.into_iter().map(log).collect();
        Ok(Self { transport, filter, logs, at_once, now: None, run: None, last: None })
    }

    /// The next entry.
    pub(super) async fn next(&mut self) -> Result<Option<Looked>, TransportError> {
        let index = match self.newest() {
            Some(index) => index,
            None => {
                self.fill().await?;
                match self.newest() {
                    Some(index) => index,
                    None => return Ok(None),
                }
            }
        };
        let log = &mut self.logs[index];
        let Some((position, looked)) = log.read.pop_front() else { return Ok(None) };
        self.last = Some((position, index));
        if log.read.is_empty() {
            self.run = None;
        }
        Ok(Some(looked))
    }

    /// The place of the last entry that was returned, unless all logs are at their end.
    pub(super) fn cursor(mut self) -> Option<ActivityCursor> {
        let has_more = self.logs.iter().any(|log| !log.read.is_empty() || !log.is_at_end);
        let (position, index) = self.last.filter(|_| has_more)?;
        Some(ActivityCursor { position, worker_id: self.logs.swap_remove(index).worker_id })
    }

    /// The log with the newest entry. None if that is not known, since something has to be read, or if there is none.
    fn newest(&mut self) -> Option<usize> {
        let key = |index: usize| Some((self.logs[index].read.front()?.0, Reverse(index)));
        if let Some((index, others)) = self.run
            && key(index).is_some_and(|key| others.is_none_or(|others| key > others))
        {
            return Some(index);
        }
        let (mut first, mut second): (Option<Key>, Option<Key>) = (None, None);
        for index in 0..self.logs.len() {
            match key(index) {
                None if !self.logs[index].is_at_end => return None,
                key if key > first => (first, second) = (key, first),
                key => second = second.max(key),
            }
        }
        self.run = first.map(|(_, Reverse(index))| (index, second));
        first.map(|(_, Reverse(index))| index)
    }

    /// Reads logs of which nothing is held, until each has an entry or is at its end; and together with them those of which
    /// little is held. Logs that are written to alike run out one behind the other, and a read for each would wait for the
    /// transport each time.
    async fn fill(&mut self) -> Result<(), TransportError> {
        let range = ActivityRange::latest(self.at_once)
            .with_since(self.filter.since())
            .with_until(self.filter.until());
        let (transport, filter) = (self.transport, self.filter);
        let little = self.at_once / 4;
        loop {
            if self.logs.iter().all(|log| !log.read.is_empty() || log.is_at_end) {
                return Ok(());
            }
            let low = self.logs.iter_mut().filter(|log| log.read.len() <= little && !log.is_at_end);
            let mut low: Vec<_> = low.collect();
            low.sort_by_key(|log| log.read.len());
            low.truncate(LOGS_AT_ONCE);
            let read = |log: &&mut Log| {
                let (worker_id, range) = (log.worker_id.clone(), range.with_before(log.before));
                async move { transport.activity(&worker_id, range).await }
            };
            let answers = try_join_all(low.iter().map(read)).await?;
            self.run = None;
            for (log, answer) in low.iter_mut().zip(answers) {
                let now = *self.now.get_or_insert(answer.now);
                let looked = |entry| match filter.matches(&entry, now) {
                    true => Looked::Matching(Box::new(entry)),
                    false => Looked::Other,
                };
                log.read
                    .extend(answer.entries.into_iter().map(|(position, entry)| (position, looked(entry))));
                log.before = answer.next;
                log.is_at_end = answer.next.is_none();
            }
        }
    }
}
