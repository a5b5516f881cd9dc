use rhai_dispatcher_core::{QueueInfo, TransportError, WallTime};

use crate::client::{ClientError, ServerReply};
use crate::handle::Handle;
use crate::script::{Args, Script};

/// Reads the numbers of the queue of that worker id, or of all if it is empty, by name.
pub(crate) async fn read_queues(handle: &Handle, worker_id: &str) -> Result<Vec<QueueInfo>, TransportError> {
    let replies = loop {
        let mut args = Args::new();
        args.push_copy(worker_id);
        let mut replies = handle.script(Script::Queues, args).await?;
        let are_expired_left = replies.remove(0).as_u64() == Some(1);
        if !are_expired_left {
            break replies;
        }
    };
    let all: Option<Vec<_>> = replies.chunks_exact(10).map(info).collect();
    let mut all = all.ok_or(ClientError::Unexpected("a list of queues"))?;
    all.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
    Ok(all)
}

fn info(values: &[ServerReply]) -> Option<QueueInfo> {
    let mut queue = QueueInfo::empty(values[0].as_str()?.parse().ok()?);
    queue.ready = [values[1].as_usize()?, values[2].as_usize()?, values[3].as_usize()?];
    queue.delayed = values[4].as_usize()?;
    queue.quarantined = values[5].as_usize()?;
    queue.claimed = values[6].as_usize()?;
    queue.instances = values[7].as_usize()?;
    queue.paused = values[8].as_usize()? > 0;
    queue.oldest_ready = values[9].as_u64().map(WallTime::from_millis);
    Some(queue)
}
