use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use futures::future::try_join_all;

use super::ActivityCursor;
use crate::{
    ActivityEntry, ActivityFilter, ActivityPosition, ActivityRange, Transport, TransportError, WallTime,
    WorkerId,
};

/// Reads the logs of several worker ids as one, newest entry first.
pub(super) struct LogReader<'a> {
    transport: &'a Arc<dyn Transport>,
    filter: &'a ActivityFilter,
    logs: Vec<Log>,
    /// How many entries of a log are read at once.
    at_once: usize,
    /// The transport's time of the first read.
    now: Option<WallTime>,
    /// The last entry that was returned.
    last: Option<ActivityCursor>,
}

struct Log {
    worker_id: WorkerId,
    read: VecDeque<(ActivityPosition, ActivityEntry)>,
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
        Ok(Self { transport, filter, logs, at_once, now: None, last: after.cloned() })
    }

    /// The next entry, and the time that counts for the filter.
    pub(super) async fn next(&mut self) -> Result<Option<(ActivityEntry, WallTime)>, TransportError> {
        self.fill().await?;
        // Of one position the least worker id: the logs are in that order.
        let logs = self.logs.iter_mut().enumerate();
        let newest = logs.filter_map(|(index, log)| Some(((log.read.front()?.0, Reverse(index)), log)));
        let newest = newest.max_by_key(|(key, _)| *key).map(|(_, log)| log);
        let Some(log) = newest else { return Ok(None) };
        let Some((position, entry)) = log.read.pop_front() else { return Ok(None) };
        self.last = Some(ActivityCursor { position, worker_id: log.worker_id.clone() });
        Ok(Some((entry, self.now.unwrap_or(entry_time(position)))))
    }

    /// The place of the last entry that was returned, unless all logs are at their end.
    pub(super) fn cursor(self) -> Option<ActivityCursor> {
        let has_more = self.logs.iter().any(|log| !log.read.is_empty() || !log.is_at_end);
        self.last.filter(|_| has_more)
    }

    /// Reads logs of which nothing is held, until each has an entry or is at its end; and together with them those of which
    /// little is held. Logs that are written to alike run out one behind the other, and a read for each would wait for the
    /// transport each time.
    async fn fill(&mut self) -> Result<(), TransportError> {
        let range = ActivityRange::latest(self.at_once)
            .with_since(self.filter.since())
            .with_until(self.filter.until());
        let transport = self.transport;
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
            for (log, answer) in low.iter_mut().zip(answers) {
                self.now.get_or_insert(answer.now);
                log.read.extend(answer.entries);
                log.before = answer.next;
                log.is_at_end = answer.next.is_none();
            }
        }
    }
}

const fn entry_time(position: ActivityPosition) -> WallTime {
    WallTime::from_millis(position.millis)
}
