use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher::dispatcher::{Figures, HandlerStatus};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::ServerArgs;
use crate::report::{Column, Console, Results, Table, json};

/// Lists the handlers of the living workers.
pub(super) fn list(server: ServerArgs, as_json: bool) -> Result<Exit, CommandError> {
    let server = server.server()?;
    let handlers = block_on(async {
        let dispatcher = server.connect().await?;
        dispatcher.get_handlers().await.map_err(|error| server.explain(error))
    })?;
    let results = Results::new(Console::detect());
    Ok(match as_json {
        true => results.lines(handlers.iter().map(json)),
        false => results.lines(lines(&handlers)),
    })
}

/// A table: each handler, with its methods below it. What is described follows at the end of a line, since only there
/// texts may be other than ASCII.
fn lines(handlers: &[HandlerStatus]) -> Vec<String> {
    use Column::{Number, Text};
    let columns = [
        Text("WORKER"),
        Text("NAME"),
        Number("WORKERS"),
        Number("CALLS"),
        Number("IN FLIGHT"),
        Number("ERRORS"),
        Number("CANCELLED"),
        Number("SUCCESS"),
        Number("AVERAGE"),
        Number("MEDIAN"),
        Number("P99"),
        Text("LAST ACTIVITY"),
        Text("DESCRIPTION"),
    ];
    let mut table = Table::new(columns);
    for handler in handlers {
        let row = |name: String, workers: usize, figures: &Figures, description: &str| {
            let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), shown);
            [
                handler.worker_id.to_string(),
                name,
                workers.to_string(),
                figures.calls.to_string(),
                figures.in_flight.to_string(),
                figures.errors.to_string(),
                figures.cancelled.to_string(),
                figures.success_rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1}%", 100.0 * rate)),
                time(figures.average_time),
                time(figures.median_time),
                time(figures.p99_time),
                figures.last_activity.map_or_else(|| "-".to_owned(), |time| time.to_string()),
                description.lines().next().unwrap_or_default().to_owned(),
            ]
        };
        table.row(row(handler.name.clone(), handler.instances.len(), &handler.figures, &handler.description));
        for method in &handler.methods {
            let name = format!("  {}", method.info.name);
            table.row(row(name, method.instances.len(), &method.figures, &method.info.description));
        }
    }
    table.lines().collect()
}

/// A time with three digits.
fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "us"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let digits = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let times = [0, 4_200, 123_000, 1_500_000, 45_600_000, 1_234_000_000, 90_000_000_000]
            .map(Duration::from_nanos);
        let expected = ["0.00us", "4.20us", "123us", "1.50ms", "45.6ms", "1.23s", "90.0s"];
        assert_eq!(times.map(shown), expected);
    }
}
