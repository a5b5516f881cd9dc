use rhai_dispatcher_core::{InstanceInfo, Json, TransportError, WallTime, WorkerId};

use crate::client::{ClientError, ServerReply};
use crate::handle::Handle;
use crate::script::{Args, Script};

/// Reads the living instances, of one worker id or of all.
pub(crate) async fn read_instances(
    handle: &Handle,
    worker_id: Option<&WorkerId>,
) -> Result<Vec<InstanceInfo>, TransportError> {
    let mut args = Args::new();
    args.push_copy(worker_id.map_or("", WorkerId::as_str));
    let replies = handle.script(Script::Instances, args).await?;
    let all: Option<Vec<_>> = replies.chunks_exact(7).map(info).collect();
    Ok(all.ok_or(ClientError::Unexpected("a list of instances"))?)
}

fn info(values: &[ServerReply]) -> Option<InstanceInfo> {
    // What the instance has said of itself: another client may have written something else there.
    let said = |index: usize| values[index].as_str().filter(|text| !text.is_empty());
    let (worker_id, instance) = (values[0].as_str()?.parse().ok()?, values[1].as_str()?.parse().ok()?);
    let mut info = InstanceInfo::new(worker_id, instance, WallTime::from_millis(values[2].as_u64()?));
    info.claimed = values[3].as_usize()?;
    info.started_at = said(4).and_then(|text| text.parse().ok()).map(WallTime::from_millis);
    info.description = said(5).and_then(|text| Json::parse(text).ok());
    info.in_flight = said(6).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Some(info)
}
