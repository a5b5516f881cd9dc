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
        let Ok((connection, _)) = caller.link.get(deadline).await else { return };
        let _ =
            connection.command("HDEL", vec![held.into(), end.claim.task.to_string().into()], deadline).await;
    }
}
