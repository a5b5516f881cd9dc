use rhai_dispatcher_core::{CrashReport, Requeued, TransportError};

use crate::client::{ClientError, ServerReply};
use crate::handle::Handle;
use crate::script::{Args, Script};

/// Reports the crash of an instance, in as many calls as its claims take.
pub(crate) async fn report_crash(handle: &Handle, report: &CrashReport) -> Result<Requeued, TransportError> {
    let mut requeued = Requeued::default();
    let mut running = &report.running[..];
    loop {
        let mut args = Args::new();
        args.push_copy(report.worker_id.as_str()).push_display(report.instance);
        for id in running {
            args.push_display(id);
        }
        let replies = handle.script(Script::Crash, report.worker_id.clone(), args).await?;
        let numbers: Option<Vec<_>> = replies.iter().map(ServerReply::as_usize).collect();
        let Some([left, released, blamed]) = numbers.as_deref() else {
            return Err(ClientError::Unexpected("a report of a crash").into());
        };
        requeued.released += released;
        requeued.blamed += blamed;
        if *left == 0 {
            return Ok(requeued);
        }
        // Those were dealt with first.
        running = &[];
    }
}
