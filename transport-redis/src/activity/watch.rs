use std::sync::Arc;

use rhai_dispatcher_core::{ActivityPosition, ActivityWatch, TransportError, WorkerId};

use super::batches::Batch;
use crate::handle::Handle;
use crate::script::{Args, keys};

/// Watches the activity of a worker id from now on.
pub(crate) async fn watch(
    handle: &Arc<Handle>,
    worker_id: &WorkerId,
) -> Result<ActivityWatch, TransportError> {
    let reader = Arc::clone(&handle.background().events);
    let (caller, id) = (Arc::clone(&handle.caller), worker_id.clone());
    let last = handle.run(async move {
        let key = keys::activity(&caller.prefix, &id);
        let mut args = Args::new();
        args.push(key.clone()).push_static("+").push_static("-");
        args.push_static("COUNT").push_static("1");
        let newest = caller.read_command("XREVRANGE", &key, args.into_vec()).await?;
        let newest = Batch::parse_all(newest.into_array().into_iter(), &id).pop();
        Ok(newest.map_or_else(ActivityPosition::default, |batch| batch.position))
    });
    let (queue, last) = (Arc::default(), last.await?);
    reader.watch_activity(worker_id.clone(), &queue, last);
    Ok(ActivityWatch::new(queue, Arc::clone(handle)))
}
