use bytes::Bytes;
use rhai_dispatcher_core::{DispatcherConfig, TaskStatus, TraceContext, WallTime};
use rhai_dispatcher_redis::ServerReply;

use super::Field;
use crate::fields::FieldName;
use crate::{ListId, ListTaskDetails};

/// The hash of a client, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct ClientHash {
    /// The server's time.
    pub(crate) now: WallTime,
    pub(crate) worker_id: Field,
    pub(crate) caller_id: Field,
    pub(crate) context_id: Field,
    pub(crate) script: Field,
    pub(crate) args: Field,
    pub(crate) priority: Field,
    pub(crate) limits: Field,
    traceparent: Field,
    tracestate: Field,
    pub(crate) status: Field,
    output: Field,
    error: Field,
    created_at: Field,
    updated_at: Field,
    /// The task that runs it, or is going to.
    pub(crate) runs_as: Field,
    /// The token of a reply that may not have been sent.
    pub(crate) token: Field,
    pub(crate) cancel_asked: Field,
    /// The protocol has no calls of methods; a client may have tried one.
    pub(crate) method: Field,
}

/// The most bytes of fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldLimits {
    pub(crate) script: usize,
    pub(crate) args: usize,
    pub(crate) output: usize,
}

impl FieldLimits {
    /// The same limits, none of them above `most`.
    pub(crate) fn at_most(self, most: usize) -> Self {
        Self { script: self.script.min(most), args: self.args.min(most), output: self.output.min(most) }
    }

    /// The most bytes of all fields of a hash.
    pub(crate) fn total(self) -> usize {
        // 14 fields have the short limit.
        self.script + self.args + 2 * self.output + MAX_LIMITS_BYTES + MAX_TRACESTATE_BYTES + 14 * SHORT
    }
}

/// The longest value of the other fields. Ids have the limit of the dispatcher.
const SHORT: usize = DispatcherConfig::MAX_LABEL_BYTES;

/// The longest `limits`, in bytes: all of them take less than 1 KiB.
pub(crate) const MAX_LIMITS_BYTES: usize = 4 * 1024;

/// The longest `tracestate` that is read, in bytes; 512 of it are passed on.
const MAX_TRACESTATE_BYTES: usize = 8 * 1024;

impl ClientHash {
    /// The arguments that ask for its fields: the most bytes, the name and the other name of each.
    pub(super) fn args(limits: FieldLimits) -> Vec<Bytes> {
        let of_clients = [
            ("workerId", SHORT),
            ("callerId", SHORT),
            ("contextId", SHORT),
            ("script", limits.script),
            ("args", limits.args),
            ("priority", SHORT),
            ("limits", MAX_LIMITS_BYTES),
            ("traceparent", SHORT),
            ("tracestate", MAX_TRACESTATE_BYTES),
            ("status", SHORT),
            ("output", limits.output),
            ("error", limits.output),
            ("createdAt", SHORT),
            ("updatedAt", SHORT),
        ];
        let mut args = Vec::new();
        let mut ask = |most: usize, name: &'static str, other: &'static str| {
            args.push(Bytes::from(most.to_string()));
            args.extend([name, other].map(|name| Bytes::from_static(name.as_bytes())));
        };
        for (name, most) in of_clients {
            let FieldName { camel, snake } = FieldName::of(name);
            ask(most, camel, snake);
        }
        for name in ["runsAs", "replyToken", "cancelAsked", "method"] {
            ask(SHORT, name, name);
        }
        args
    }

    /// The answer to these arguments.
    pub(super) fn parse(now: WallTime, values: &[ServerReply]) -> Option<Self> {
        let mut values = values.iter().map(Field::parse);
        Some(Self {
            now,
            worker_id: values.next()?,
            caller_id: values.next()?,
            context_id: values.next()?,
            script: values.next()?,
            args: values.next()?,
            priority: values.next()?,
            limits: values.next()?,
            traceparent: values.next()?,
            tracestate: values.next()?,
            status: values.next()?,
            output: values.next()?,
            error: values.next()?,
            created_at: values.next()?,
            updated_at: values.next()?,
            runs_as: values.next()?,
            token: values.next()?,
            cancel_asked: values.next()?,
            method: values.next()?,
        })
    }

    /// How many bytes its fields have that are within `limits`.
    pub(crate) fn bytes(&self, limits: FieldLimits) -> usize {
        let long = self.long(limits).map(|(field, most)| field.bytes_within(most));
        let short = [&self.caller_id, &self.context_id, &self.limits, &self.traceparent, &self.tracestate];
        long.chain(short.map(|field| field.bytes_within(usize::MAX))).sum()
    }

    /// Whether a field within `limits` was not read, since this was read within lower ones.
    pub(crate) fn has_more(&self, limits: FieldLimits) -> bool {
        self.long(limits).any(|(field, most)| field.text().is_none() && field.bytes_within(most) > 0)
    }

    fn long(&self, limits: FieldLimits) -> impl Iterator<Item = (&Field, usize)> {
        [
            (&self.script, limits.script),
            (&self.args, limits.args),
            (&self.output, limits.output),
            (&self.error, limits.output),
        ]
        .into_iter()
    }

    /// Its status. What is not a status counts as pending.
    pub(crate) fn status(&self) -> TaskStatus {
        self.status.text().and_then(|text| text.parse().ok()).unwrap_or(TaskStatus::Pending)
    }

    /// The trace of its client, if it has given a valid one: the W3C lets receivers ignore any other.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        TraceContext::from_headers(self.traceparent.text()?, self.tracestate.text())
    }

    /// What a reply says of it.
    pub(crate) fn details(&self, id: &ListId) -> ListTaskDetails {
        let mut details = ListTaskDetails::of_id(id.as_str());
        details.worker_id = self.worker_id.or_empty();
        details.caller_id = self.caller_id.or_empty();
        details.context_id = self.context_id.text().map(str::to_owned);
        if let Some(trace) = self.trace() {
            details.traceparent = Some(trace.traceparent());
            details.tracestate = trace.tracestate().map(str::to_owned);
        }
        details.script = self.script.or_empty();
        details.status = match self.status() {
            TaskStatus::Cancelled => TaskStatus::Error,
            status => status,
        };
        details.output = self.output.text().map(str::to_owned);
        details.error = self.error.text().map(str::to_owned);
        let now = self.now.to_string();
        details.created_at = self.created_at.text().map_or_else(|| now.clone(), str::to_owned);
        details.updated_at = self.updated_at.text().map_or(now, str::to_owned);
        details
    }
}
