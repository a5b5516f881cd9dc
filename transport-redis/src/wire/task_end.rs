use rhai_dispatcher_core::{
    CancelReason, InstanceId, Json, LogLevel, Outcome, TaskError, TaskErrorKind, TaskId, TaskLog, WallTime,
};
use serde::{Deserialize, Serialize};

use super::encoding::{WireError, corrupted, decode, encode};

/// How a task ended, for its submitter, who knows the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskEnd {
    pub(crate) task: TaskId,
    pub(crate) outcome: Outcome,
    pub(crate) log: TaskLog,
    pub(crate) instance: InstanceId,
    pub(crate) delivery: u32,
    pub(crate) attempt: u32,
    pub(crate) deaths: u32,
    pub(crate) started_at: WallTime,
}

#[derive(Serialize, Deserialize)]
struct TaskEndV1 {
    task: TaskId,
    outcome: OutcomeV1,
    log: Option<LogV1>,
    instance: InstanceId,
    delivery: u32,
    attempt: u32,
    deaths: u32,
    started_at: u64,
}

#[derive(Serialize, Deserialize)]
enum OutcomeV1 {
    Completed(Json),
    Error { kind: String, message: String, line: Option<u32>, column: Option<u32> },
    Cancelled(String),
}

#[derive(Serialize, Deserialize)]
struct LogV1 {
    /// The level (0 print, 1 debug, 2 info, 3 warn, 4 error), and the text.
    lines: Vec<(u8, String)>,
    truncated: bool,
}

/// The levels by their numbers.
const LEVELS: [LogLevel; 5] =
    [LogLevel::Print, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

fn number_of(level: LogLevel) -> u8 {
    (0..).zip(LEVELS).find(|(_, known)| *known == level).map_or(0, |(number, _)| number)
}

pub(crate) fn encode_end(ended: &TaskEnd) -> Option<Vec<u8>> {
    let outcome = match &ended.outcome {
        Outcome::Completed(output) => OutcomeV1::Completed(output.as_json().clone()),
        Outcome::Error(error) => OutcomeV1::Error {
            kind: error.kind.as_str().to_owned(),
            message: error.message.clone(),
            line: error.line,
            column: error.column,
        },
        Outcome::Cancelled(reason) => OutcomeV1::Cancelled(reason.as_str().to_owned()),
    };
    let log = (!ended.log.is_empty()).then(|| LogV1 {
        lines: ended.log.lines().iter().map(|line| (number_of(line.level), line.text.clone())).collect(),
        truncated: ended.log.is_truncated(),
    });
    let mut bytes = encode(&TaskEndV1 {
        task: ended.task,
        outcome,
        log,
        instance: ended.instance,
        delivery: ended.delivery,
        attempt: ended.attempt,
        deaths: ended.deaths,
        started_at: ended.started_at.as_millis(),
    })
    .ok()?;
    // Behind the rest, where a reader that does not know of it leaves it.
    if let Outcome::Error(TaskError { value: Some(value), .. }) = &ended.outcome {
        bytes.extend_from_slice(value.as_str().as_bytes());
    }
    Some(bytes)
}

pub(crate) fn decode_end(bytes: &[u8]) -> Result<TaskEnd, WireError> {
    let (wire, value): (TaskEndV1, _) = decode(bytes)?;
    let outcome = match wire.outcome {
        OutcomeV1::Completed(json) => Outcome::Completed(json.into()),
        OutcomeV1::Error { kind, message, line, column } => {
            let value = std::str::from_utf8(value).ok().and_then(|text| Json::parse(text).ok());
            Outcome::Error(TaskError::new(error_kind(&kind), message).at(line, column).with_value(value))
        }
        OutcomeV1::Cancelled(reason) => {
            Outcome::Cancelled(reason.parse::<CancelReason>().map_err(corrupted)?)
        }
    };
    let mut log = TaskLog::new();
    for (level, text) in wire.log.iter().flat_map(|log| &log.lines) {
        // One that a newer version has added is at least a line.
        let level = LEVELS.get(usize::from(*level)).copied().unwrap_or(LogLevel::Print);
        log.push(level, text.clone(), usize::MAX);
    }
    if wire.log.is_some_and(|log| log.truncated) {
        log.push(LogLevel::Print, "", 0);
    }
    Ok(TaskEnd {
        task: wire.task,
        outcome,
        log,
        instance: wire.instance,
        delivery: wire.delivery,
        attempt: wire.attempt,
        deaths: wire.deaths,
        started_at: WallTime::from_millis(wire.started_at),
    })
}

/// The kind of that name. One that a newer version has added is at least an error of the run.
pub(crate) fn error_kind(name: &str) -> TaskErrorKind {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StrDeserializer};
    let name: StrDeserializer<'_, Error> = name.into_deserializer();
    TaskErrorKind::deserialize(name).unwrap_or(TaskErrorKind::Runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_comes_back_as_it_was() {
        let mut log = TaskLog::new();
        LEVELS.into_iter().for_each(|level| assert!(log.push(level, "line", 1_000)));
        let error = TaskError::new(TaskErrorKind::Limit, "too much").at(Some(1), None);
        let json = Json::parse("[1]").expect("JSON");
        for outcome in [
            Outcome::Completed(json.into()),
            Outcome::Error(error.clone()),
            Outcome::Error(error.with_value(Json::parse(r#"{"code":7}"#).ok())),
            Outcome::Cancelled(CancelReason::Expired),
        ] {
            let ended = TaskEnd {
                task: TaskId::new(),
                outcome,
                log: log.clone(),
                instance: InstanceId::new(),
                delivery: 2,
                attempt: 1,
                deaths: 0,
                started_at: WallTime::from_millis(7),
            };
            let back = decode_end(&encode_end(&ended).expect("bytes")).expect("an end");
            assert_eq!(back.log.lines(), ended.log.lines());
            assert_eq!(TaskEnd { log: TaskLog::new(), ..back }, TaskEnd { log: TaskLog::new(), ..ended });
        }
    }
}
