use rhai_dispatcher_core::{ActivityRange, LoggedActivity, Moment, TransportError, WallTime, WorkerId};

use super::batches::Batch;
use crate::client::ClientError;
use crate::handle::Handle;
use crate::script::{Args, Script};

/// How many batches one call reads at most: bounds how long the server is kept from others.
const MAX_BATCHES: usize = 64;

/// Reads a part of the activity of a worker id.
pub(crate) async fn read_activity(
    handle: &Handle,
    worker_id: &WorkerId,
    range: ActivityRange,
) -> Result<LoggedActivity, TransportError> {
    let mut args = Args::new();
    args.push_copy(worker_id.as_str()).push_display(MAX_BATCHES);
    match range.before {
        // The batch in which the read before has ended may have more.
        Some(before) => args.push(format!("{}-{}", before.millis, before.sequence)),
        None => args.push_static("+"),
    };
    match range.since {
        None => args.push_static("0").push_static(""),
        Some(Moment::At(at)) => args.push_display(at.as_millis()).push_static(""),
        Some(Moment::Ago(ago)) => args.push_display(ago.as_millis().min(1 << 43)).push_static("1"),
    };
    args.push_display(range.limit);
    match range.before {
        Some(before) => args.push_display(before.index),
        None => args.push_static(""),
    };
    let (caller, id) = (std::sync::Arc::clone(&handle.caller), worker_id.clone());
    let replies = handle.run(async move { caller.run(Script::ReadActivity, id, args).await }).await?;
    let mut replies = replies.into_iter();
    let now = replies.next().and_then(|now| now.as_u64()).ok_or(ClientError::Unexpected("activity"))?;
    let may_have_more = replies.next().and_then(|more| more.as_u64()) == Some(1);
    let batches = Batch::parse_all(replies, worker_id);
    Ok(page(batches, may_have_more, &range, WallTime::from_millis(now)))
}

/// What of batches, newest first, is in a range.
fn page(batches: Vec<Batch>, may_have_more: bool, range: &ActivityRange, now: WallTime) -> LoggedActivity {
    let (since, until) = (range.since.map(|at| at.resolve(now)), range.until.map(|at| at.resolve(now)));
    let oldest = batches.last().map(|batch| batch.position);
    let count = batches.iter().map(|batch| batch.entries.len()).sum();
    let all = batches.into_iter().flat_map(|batch| batch.into_entries().rev());
    let mut all = all.filter(|(position, entry)| {
        range.before.is_none_or(|before| *position < before)
            && since.is_none_or(|since| entry.ended_at >= since)
            && until.is_none_or(|until| entry.ended_at < until)
    });
    let mut entries = Vec::with_capacity(range.limit.min(count));
    entries.extend(all.by_ref().take(range.limit));
    let next = match entries.last() {
        Some((position, _)) if all.next().is_some() => Some(*position),
        _ if may_have_more => oldest,
        _ => None,
    };
    LoggedActivity::new(now, entries, next)
}
