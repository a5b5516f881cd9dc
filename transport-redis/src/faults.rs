//! What the features `fault-*` break, for the fault injection harness, which has to notice. They are
//! off, and nothing here is built, unless somebody asks for them.

/// Carried out after the prelude of all scripts.
pub(crate) const LUA: &str = if cfg!(feature = "fault-no-fence") {
    // Whoever ends a task may write its record, whatever the record says.
    "fence = function(task) if not task then return 'f' end end"
} else {
    ""
};

/// Takes entries out of the queue before their records have the outcome.
#[cfg(feature = "fault-finish-order")]
pub(crate) async fn acknowledge(
    caller: &crate::caller::Caller,
    ends: impl Iterator<Item = &crate::finishes::FinishOne>,
) {
    for end in ends {
        // Task id, instance, delivery, entry, kind: an outcome is o.
        let args = crate::packed::unpack(&end.packed.slice(1..));
        let Some(at) = std::str::from_utf8(&args[3]).ok().filter(|_| &args[4][..] == b"o") else { continue };
        let Some((letter, id)) = at.split_once(':') else { continue };
        let deadline = tokio::time::Instant::now() + caller.timeout;
        let Ok((connection, _)) = caller.link.get(deadline).await else { return };
        if letter == "g" {
            let held = bytes::Bytes::from(format!("{}:{{{}}}:held:{id}", caller.prefix, end.worker_id));
            let _ = connection.command("HDEL", vec![held, args[0].clone()]).await;
            continue;
        }
        let queues = [("h", "high"), ("n", "normal"), ("l", "low"), ("s", "suspect"), ("x", "last")];
        let Some((_, queue)) = queues.iter().find(|queue| queue.0 == letter) else { continue };
        let stream = bytes::Bytes::from(format!("{}:{{{}}}:queue:{queue}", caller.prefix, end.worker_id));
        let acknowledge = vec![stream.clone(), "workers".into(), id.to_owned().into()];
        let _ = connection.command("XACK", acknowledge).await;
        let _ = connection.command("XDEL", vec![stream, id.to_owned().into()]).await;
    }
}
