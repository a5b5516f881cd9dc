use rhai::{FLOAT, INT, NativeCallContext};
use rhai_dispatcher_core::{Invalid, LogLevel};

use crate::script::error::NativeResult;
use crate::script::run::ScriptRun;

/// The longest text of a progress, in bytes: it is for one line of a display.
const MAX_PROGRESS_TEXT: usize = 1_024;

/// Registers what a script tells subscribers to its task.
pub(crate) fn register(engine: &mut rhai::Engine) {
    engine.register_fn("log", |context: NativeCallContext<'_>, level: &str, text: &str| {
        note_place(&context);
        log(level, text)
    });
    engine.register_fn("progress", |context: NativeCallContext<'_>, fraction: FLOAT, text: &str| {
        note_place(&context);
        progress(fraction, text)
    });
    // 0 and 1 are the only whole numbers that are taken.
    engine.register_fn("progress", |context: NativeCallContext<'_>, fraction: INT, text: &str| {
        note_place(&context);
        progress(fraction as FLOAT, text)
    });
}

/// Notes where the script is, for callers that ask.
fn note_place(context: &NativeCallContext<'_>) {
    ScriptRun::with_current(|run| run.call_trace().note(context));
}

fn log(level: &str, text: &str) -> NativeResult<()> {
    let level =
        level.parse::<LogLevel>().ok().filter(|level| LogLevel::OF_LOG.contains(level)).ok_or_else(|| {
            let shown: String = level.chars().take(32).collect();
            invalid(
                "log",
                "level",
                format!("{shown:?} is not a level"),
                "use \"debug\", \"info\", \"warn\" or \"error\"",
            )
        })?;
    ScriptRun::with_current(|run| run.log(level, text));
    Ok(())
}

fn progress(fraction: FLOAT, text: &str) -> NativeResult<()> {
    if !(0.0..=1.0).contains(&fraction) {
        let problem = format!("{fraction} is not between 0 and 1");
        return Err(invalid("progress", "fraction", problem, "divide what is done by what there is to do"));
    }
    if text.len() > MAX_PROGRESS_TEXT {
        let problem = format!("it has {} bytes (limit: {MAX_PROGRESS_TEXT})", text.len());
        return Err(invalid("progress", "text", problem, "shorten it, or use `log`"));
    }
    ScriptRun::with_current(|run| run.progress(fraction, text));
    Ok(())
}

/// Such as ``progress: fraction: 2 is not between 0 and 1; divide …``.
fn invalid(
    function: &str,
    argument: &'static str,
    problem: String,
    way_out: &'static str,
) -> Box<rhai::EvalAltResult> {
    format!("{function}: {}", Invalid::new(argument, problem, way_out)).into()
}
