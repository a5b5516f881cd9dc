use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::call_figures::{AllSeen, CallFigures};
use super::{FiguresConfig, MethodSource};
use crate::{Clock, Consumer, ErrorLog, InstanceDescription, InstanceReport, Reported, Tick, TransportError};

/// Reports of an instance: what it has, and what it counts. The monitor drives them beside its renewals.
///
/// One report is under way at a time, and is sent again, as it was, until the transport has answered it: the transport
/// counts each number once.
pub(in crate::worker) struct Reports {
    consumer: Arc<dyn Consumer>,
    clock: Arc<dyn Clock>,
    config: FiguresConfig,
    lanes: usize,
    source: Option<Arc<dyn MethodSource>>,
    figures: Option<Arc<CallFigures>>,
    /// When the instance began.
    began: Tick,
    /// The version of the handlers that was described last.
    version: u64,
    /// What it has, while the transport does not know.
    description: Option<Arc<str>>,
    /// The last report, while it is not answered.
    unanswered: Option<InstanceReport>,
    sending: Option<BoxFuture<'static, Result<Reported, TransportError>>>,
    /// The number of the last report.
    sequence: u64,
    seen: AllSeen,
    /// Whether calls ran at the last report.
    had_in_flight: bool,
    /// Whether the worker shuts down.
    is_draining: bool,
    is_due: bool,
    /// Renewals since the last report.
    renewals: u32,
    log: ErrorLog,
}

/// After how many renewals a report is sent that says nothing new, so that a server that has lost its data is told again.
const REPEATED_AFTER: u32 = 10;

impl Reports {
    /// Those of an instance; the first one is due.
    pub(in crate::worker) fn new(
        consumer: Arc<dyn Consumer>,
        clock: Arc<dyn Clock>,
        config: FiguresConfig,
        lanes: usize,
        source: Option<Arc<dyn MethodSource>>,
        figures: Option<Arc<CallFigures>>,
    ) -> Self {
        let mut reports = Self {
            consumer,
            began: clock.now(),
            clock,
            config,
            lanes,
            source,
            figures,
            version: 0,
            description: None,
            unanswered: None,
            sending: None,
            sequence: 0,
            seen: AllSeen::new(),
            had_in_flight: false,
            is_draining: false,
            is_due: true,
            renewals: 0,
            log: ErrorLog::default(),
        };
        // With a source the first poll does so.
        if reports.source.is_none() {
            reports.describe();
        }
        reports
    }

    /// Notes a renewal: a report follows if there is something to say.
    pub(in crate::worker) fn renewed(&mut self) {
        self.renewals += 1;
        self.is_due |= self.unanswered.is_some()
            || self.description.is_some()
            || self.renewals >= REPEATED_AFTER
            || self.has_news();
    }

    /// Says from now on that the worker drains, and does so at once.
    pub(in crate::worker) fn drain(&mut self) {
        self.is_draining = true;
        self.describe();
        self.is_due = true;
    }

    /// Moves the reports on. It only registers the context.
    pub(in crate::worker) fn poll(&mut self, cx: &mut Context<'_>) {
        while let Some(source) = &self.source
            && let Poll::Ready(version) = source.poll_changed(self.version, cx)
        {
            self.version = version;
            self.describe();
            self.is_due = true;
        }
        loop {
            if let Some(sending) = &mut self.sending {
                let Poll::Ready(answer) = sending.poll_unpin(cx) else { return };
                self.answered(answer);
            }
            if !std::mem::take(&mut self.is_due) {
                return;
            }
            self.send();
        }
    }

    /// Sends what is left to say, until the transport has it, or fails.
    pub(in crate::worker) async fn finish(mut self) {
        let mut is_first = true;
        loop {
            if let Some(sending) = self.sending.take() {
                let answer = sending.await;
                let failed = answer.is_err();
                self.answered(answer);
                if failed && !std::mem::take(&mut is_first) {
                    return;
                }
                // What it only says of itself is of no use after its end.
                self.unanswered.take_if(|report| report.added.is_empty());
            }
            // What still runs is abandoned, and not counted.
            let has_counted = self.figures.as_ref().is_some_and(|figures| figures.has_counted(&self.seen));
            if self.unanswered.is_none() && !has_counted {
                return;
            }
            self.send();
        }
    }

    fn describe(&mut self) {
        let handlers = self.source.as_ref().map(|source| source.handlers()).unwrap_or_default();
        let mut description = InstanceDescription::of_this_process(self.lanes, handlers);
        description.draining = self.is_draining;
        self.description = Some(description.into_text(&self.config));
    }

    /// Whether something has been counted since the last report.
    fn has_news(&self) -> bool {
        let Some(figures) = &self.figures else { return false };
        self.had_in_flight || figures.has_news(&self.seen)
    }

    fn send(&mut self) {
        self.renewals = 0;
        let report = match self.unanswered.take() {
            Some(report) => report,
            None => self.report(),
        };
        self.unanswered = Some(report.clone());
        let consumer = Arc::clone(&self.consumer);
        self.sending = Some(Box::pin(async move { consumer.report(&report).await }));
    }

    fn report(&mut self) -> InstanceReport {
        self.sequence += 1;
        let now = self.clock.now();
        let mut report = InstanceReport {
            sequence: self.sequence,
            description: self.description.clone(),
            uptime: now - self.began,
            ..InstanceReport::default()
        };
        if let Some(figures) = &self.figures {
            report.in_flight = figures.in_flight();
            report.added = figures.take_added(&mut self.seen, now);
        }
        self.had_in_flight = !report.in_flight.is_empty();
        report
    }

    fn answered(&mut self, answer: Result<Reported, TransportError>) {
        self.sending = None;
        match answer {
            Ok(reported) => {
                let report = self.unanswered.take();
                // The rest follows at once.
                let was_full = report.as_ref().is_some_and(InstanceReport::is_full);
                let sent = report.and_then(|report| report.description);
                if sent.is_some() && sent == self.description {
                    self.description = None;
                }
                if !reported.has_description && self.description.is_none() {
                    self.describe(); // it goes with the next renewal
                }
                self.is_due |= was_full;
            }
            // The next renewal sends it again.
            Err(error) => {
                if let Some(left_out) = self.log.admit(&format!("report: {error}")) {
                    tracing::warn!(%error, left_out, "what the worker has and counts could not be reported");
                }
            }
        }
    }
}
