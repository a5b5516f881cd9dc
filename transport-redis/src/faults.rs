//! What the features `fault-*` break, for the fault injection harness, which has to notice. They are
//! off, and nothing here is built, unless somebody asks for them.

/// Carried out after what all scripts share.
pub(crate) const LUA: &str = if cfg!(feature = "fault-no-fence") {
    // Whoever ends a task may write its record, whatever the record says.
    "fence = function(task) if not task then return 'f' end end"
} else {
    ""
};

/// Takes claims out of the queue before their records have the outcome.
#[cfg(feature = "fault-finish-order")]
pub(crate) async fn acknowledge(
    caller: &crate::caller::Caller,
    ends: impl Iterator<Item = &crate::finishes::FinishOne>,
) {
    for end in ends {
        if end.kind != crate::finishes::Kind::Outcome {
            continue;
        }
        let (worker_id, instance) = &end.group;
        let held = format!("{}:{{{worker_id}}}:held:{instance}", caller.prefix);
        let deadline = tokio::time::Instant::now() + caller.timeout;
        let Ok((connection, _)) = caller.link.get(deadline).await else { return };
        let _ =
            connection.command("HDEL", vec![held.into(), end.claim.task.to_string().into()], deadline).await;
    }
}
