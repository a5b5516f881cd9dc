use std::collections::BTreeMap;
use std::sync::Arc;

use rhai_dispatcher_core::{Counters, Histogram, MethodFigures, TransportError, WallTime, WorkerId};

use crate::handle::Handle;
use crate::script::{Args, Script};

/// Reads what the instances of a worker id have counted, by name. Fields that are not of this form are left out.
pub(crate) async fn read_figures(
    handle: &Handle,
    worker_id: &WorkerId,
) -> Result<Vec<MethodFigures>, TransportError> {
    let mut args = Args::new();
    args.push_copy(worker_id.as_str());
    let replies = handle.script(Script::Figures, worker_id.clone(), args).await?;
    let mut all: BTreeMap<&str, (Counters, u64)> = BTreeMap::new();
    for pair in replies.chunks_exact(2) {
        if let (Some(field), Some(value)) = (pair[0].as_str(), pair[1].as_u64())
            && let Some((name, counter)) = field.rsplit_once(':')
            && !name.is_empty()
        {
            note(all.entry(name).or_default(), counter, value);
        }
    }
    let figures = all.into_iter().map(|(name, (counters, last))| MethodFigures {
        name: Arc::from(name),
        counters,
        last_activity: WallTime::from_millis(last),
    });
    Ok(figures.collect())
}

fn note((counters, last): &mut (Counters, u64), counter: &str, value: u64) {
    match counter {
        "completed" => counters.completed = value,
        "errors" => counters.errors = value,
        "cancelled" => counters.cancelled = value,
        "micros" => counters.micros = value,
        "last" => *last = value,
        bucket => {
            if let Ok(bucket) = bucket.parse::<u16>()
                && usize::from(bucket) < Histogram::BUCKETS
            {
                counters.times.add(bucket, value);
            }
        }
    }
}
