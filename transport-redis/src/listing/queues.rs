use std::future::Future;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use rhai_dispatcher_core::{InstanceInfo, QueueInfo, TransportError, WallTime, WorkerId};

use crate::client::{ClientError, ServerReply};
use crate::handle::Handle;
use crate::report::read_instances;
use crate::script::{Args, Script, ScriptCaller, keys};

/// How many queues are read beside each other.
const AT_ONCE: usize = 64;

/// What a queue is.
enum Use {
    /// It has tasks or instances, or is paused.
    Used,
    /// How its tasks have ended is still known.
    OnlyActivity,
    Unused,
}

/// Reads the numbers of all queues in use, by name, and strikes off the names of the others.
pub(crate) async fn read_queues(handle: &Handle) -> Result<Vec<QueueInfo>, TransportError> {
    let (caller, names) = (Arc::clone(&handle.caller), Arc::clone(&handle.queue_names));
    let read = async move {
        let all = for_each(names.read().await?, async |worker_id| read(&caller, worker_id).await).await?;
        let (mut queues, mut unused) = (Vec::new(), Vec::new());
        for (queue, used) in all {
            match used {
                Use::Used => queues.push(queue),
                Use::OnlyActivity => {}
                Use::Unused => unused.push(queue.worker_id),
            }
        }
        names.strike(&unused).await?;
        queues.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        Ok(queues)
    };
    handle.run(read).await
}

/// Reads the numbers of one queue.
pub(crate) async fn read_queue(handle: &Handle, worker_id: &WorkerId) -> Result<QueueInfo, TransportError> {
    let (caller, worker_id) = (Arc::clone(&handle.caller), worker_id.clone());
    handle.run(async move { Ok(read(&caller, worker_id).await?.0) }).await
}

/// Reads the living instances of all worker ids.
pub(crate) async fn read_all_instances(handle: &Handle) -> Result<Vec<InstanceInfo>, TransportError> {
    let (caller, names) = (Arc::clone(&handle.caller), Arc::clone(&handle.queue_names));
    let read = async move {
        let all = for_each(names.read().await?, async |worker_id| read_instances(&caller, &worker_id).await)
            .await?;
        Ok(all.into_iter().flatten().collect())
    };
    handle.run(read).await
}

/// The worker ids with activity, by name.
pub(crate) async fn read_active(handle: &Handle) -> Result<Vec<WorkerId>, TransportError> {
    let (caller, names) = (Arc::clone(&handle.caller), Arc::clone(&handle.queue_names));
    let read = async move {
        let has_activity = async |worker_id: WorkerId| {
            let stream = keys::activity(&caller.prefix, &worker_id);
            let exists = caller.read_command("EXISTS", &stream, vec![stream.clone()]).await?;
            let exists = exists.as_u64() == Some(1);
            Ok(exists.then_some(worker_id))
        };
        let all = for_each(names.read().await?, has_activity).await?;
        let mut active: Vec<_> = all.into_iter().flatten().collect();
        active.sort();
        Ok(active)
    };
    handle.run(read).await
}

/// Asks for each worker id, some beside each other; the first error ends it.
async fn for_each<T, F: Future<Output = Result<T, ClientError>>>(
    worker_ids: Vec<WorkerId>,
    ask: impl Fn(WorkerId) -> F,
) -> Result<Vec<T>, ClientError> {
    stream::iter(worker_ids).map(ask).buffered(AT_ONCE).try_collect().await
}

async fn read(caller: &ScriptCaller, worker_id: WorkerId) -> Result<(QueueInfo, Use), ClientError> {
    loop {
        let mut args = Args::new();
        args.push_copy(worker_id.as_str());
        let replies = caller.run(Script::Queues, &worker_id, args).await?;
        let [_, is_some_left, used, numbers @ ..] = &replies[..] else {
            return Err(ClientError::Unexpected("the numbers of a queue"));
        };
        if is_some_left.as_u64() == Some(1) {
            continue;
        }
        let read = numbers_of(worker_id, numbers).zip(use_of(used));
        return read.ok_or(ClientError::Unexpected("the numbers of a queue"));
    }
}

fn use_of(letter: &ServerReply) -> Option<Use> {
    match letter.as_str()? {
        "u" => Some(Use::Used),
        "a" => Some(Use::OnlyActivity),
        "-" => Some(Use::Unused),
        _ => None,
    }
}

fn numbers_of(worker_id: WorkerId, numbers: &[ServerReply]) -> Option<QueueInfo> {
    let [high, normal, low, delayed, quarantined, claimed, instances, paused, oldest] = numbers else {
        return None;
    };
    let mut queue = QueueInfo::empty(worker_id);
    queue.ready = [high.as_usize()?, normal.as_usize()?, low.as_usize()?];
    queue.delayed = delayed.as_usize()?;
    queue.quarantined = quarantined.as_usize()?;
    queue.claimed = claimed.as_usize()?;
    queue.instances = instances.as_usize()?;
    queue.paused = paused.as_usize()? > 0;
    queue.oldest_ready = oldest.as_u64().map(WallTime::from_millis);
    Some(queue)
}
