use rhai_dispatcher_core::{InstanceInfo, Json, WallTime, WorkerId};

use crate::client::{ClientError, ServerReply};
use crate::script::{Args, Script, ScriptCaller};

/// Reads the living instances of a worker id.
pub(crate) async fn read_instances(
    caller: &ScriptCaller,
    worker_id: &WorkerId,
) -> Result<Vec<InstanceInfo>, ClientError> {
    let mut args = Args::new();
    args.push_copy(worker_id.as_str());
    let replies = caller.run(Script::Instances, worker_id, args).await?;
    let all: Option<Vec<_>> = replies[1..].chunks_exact(6).map(|values| info(worker_id, values)).collect();
    all.ok_or(ClientError::Unexpected("a list of instances"))
}

fn info(worker_id: &WorkerId, values: &[ServerReply]) -> Option<InstanceInfo> {
    // What the instance has said of itself: another client may have written something else there.
    let said = |index: usize| values[index].as_str().filter(|text| !text.is_empty());
    let alive_until = WallTime::from_millis(values[1].as_u64()?);
    let mut info = InstanceInfo::new(worker_id.clone(), values[0].as_str()?.parse().ok()?, alive_until);
    info.claimed = values[2].as_usize()?;
    info.started_at = said(3).and_then(|text| text.parse().ok()).map(WallTime::from_millis);
    info.description = said(4).and_then(|text| Json::parse(text).ok());
    info.in_flight = said(5).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Some(info)
}
