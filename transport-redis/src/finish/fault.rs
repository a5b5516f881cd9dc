//! What the feature `fault-finish-order` breaks, for the fault injection harness, which has to notice.

/// Takes claims out of the queue before their records have the outcome.
pub(crate) async fn acknowledge(
    caller: &crate::script::ScriptCaller,
    ends: impl Iterator<Item = &super::finish_request::FinishRequest>,
) {
    for end in ends {
        if end.kind != super::finish_request::FinishKind::Outcome {
            continue;
        }
        let (worker_id, instance) = &end.group;
        let held = format!("{{{}:{worker_id}}}:held:{instance}", caller.prefix);
        let deadline = tokio::time::Instant::now() + caller.timeout;
        let slot = crate::slot::Slot::of_key(held.as_bytes());
        let Ok(linked) = caller.links.get(slot, deadline).await else { return };
        let args = vec![held.into(), end.claim.task.to_string().into()];
        let _ = linked.connection.command("HDEL", args, deadline).await;
    }
}
