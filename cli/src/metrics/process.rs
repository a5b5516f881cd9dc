use std::fs;

use metrics::{Gauge, counter, gauge};

/// The environment variable that tells a supervised child how many have died before it.
pub(crate) const RESTARTS_VARIABLE: &str = "RHAID_RESTARTS";

/// The figures of the process itself.
#[derive(Debug)]
pub(super) struct ProcessMetrics {
    /// None where the system does not tell it.
    resident_memory: Option<Gauge>,
}

impl ProcessMetrics {
    pub(super) fn new() -> Self {
        gauge!("rhaid_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let restarts = std::env::var(RESTARTS_VARIABLE).ok().and_then(|count| count.parse().ok());
        counter!("rhaid_restarts_total").absolute(restarts.unwrap_or(0));
        let resident_memory = resident_bytes().map(|_| gauge!("process_resident_memory_bytes"));
        Self { resident_memory }
    }

    pub(super) fn sample(&self) {
        if let Some((gauge, bytes)) = self.resident_memory.as_ref().zip(resident_bytes()) {
            gauge.set(bytes as f64);
        }
    }
}

/// The resident memory of this process, from `/proc`.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
