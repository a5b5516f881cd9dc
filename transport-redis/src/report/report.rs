use std::time::Duration;

use rhai_dispatcher_core::{Added, InstanceReport, Reported};

use crate::client::{ClientError, ServerReply};
use crate::config::RedisConfig;
use crate::instance::LocalInstance;
use crate::script::{Args, Script};

/// Sends what an instance says of itself, until there is an answer.
pub(crate) async fn report(
    instance: &LocalInstance,
    config: &RedisConfig,
    report: &InstanceReport,
) -> Result<Reported, ClientError> {
    let in_flight = serde_json::to_string(&report.in_flight).unwrap_or_default(); // numbers by names
    let mut args = instance.args();
    args.push_display(report.sequence)
        .push_copy(report.description.as_deref().unwrap_or_default())
        .push_display(millis(report.uptime))
        .push(in_flight)
        .push_display(config.transport.max_figures)
        .push_display(millis(config.transport.figures_ttl).max(1));
    report.added.iter().for_each(|added| push(&mut args, added));
    let replies = instance.caller.run(Script::Report, &instance.worker_id, args).await?;
    let known = replies.get(1).and_then(ServerReply::as_u64).ok_or(ClientError::Unexpected("a report"))?;
    Ok(Reported { has_description: known == 1 })
}

fn push(args: &mut Args, added: &Added) {
    let counters = &added.counters;
    let named = [
        ("completed", counters.completed),
        ("errors", counters.errors),
        ("cancelled", counters.cancelled),
        ("micros", counters.micros),
    ];
    let named: Vec<_> = named.into_iter().filter(|(_, count)| *count > 0).collect();
    let count = named.len() + counters.times.buckets().count();
    args.push_copy(&added.name).push_display(millis(added.idle_for)).push_display(count);
    for (name, count) in named {
        args.push_static(name).push_display(count);
    }
    for (bucket, count) in counters.times.buckets() {
        args.push_display(bucket).push_display(count);
    }
}

fn millis(time: Duration) -> u64 {
    // A number that Lua has exactly; 285 years.
    const MOST: u128 = 1 << 43;
    time.as_millis().min(MOST) as u64
}
