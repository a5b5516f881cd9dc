use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Claim, InstanceId, TaskId};

/// Where a running task is, as the instance that runs it says.
///
/// As JSON its fields are in camelCase, and its times are whole milliseconds: `runningForMs`, `activityForMs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RunState {
    /// The task.
    pub task_id: TaskId,
    /// The instance that runs it.
    pub instance: InstanceId,
    /// Start count of the task, 1-based.
    pub delivery: u32,
    /// What the run does.
    pub activity: RunActivity,
    /// For how long it has been doing that; `None` if that is not known.
    #[serde(rename = "activityForMs", with = "millis")]
    pub activity_for: Option<Duration>,
    /// For how long the run has lasted; `None` before it has begun.
    #[serde(rename = "runningForMs", with = "millis")]
    pub running_for: Option<Duration>,
    /// The place in the script. Of a script that waits, the call that it waits in. Of one that computes, its last call of
    /// a function that can wait, or of `log` or `progress`: the place of other code is not recorded. `None` before the
    /// first of these, and of what is not a script.
    pub place: Option<ScriptPlace>,
    /// Operations of the script so far, up to its last wait or pause. `None` of what is not a script, and before the first.
    pub operations: Option<u64>,
    /// Bytes of memory that the script holds, at the same time. `None` likewise, and if the worker does not count memory.
    pub memory: Option<u64>,
}

/// What a run does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[non_exhaustive]
pub enum RunActivity {
    /// The worker has claimed the task, and its lanes have not begun it.
    Claimed,
    /// Rust code runs: a native method, or a service. What that does is not known.
    Native,
    /// The script computes.
    Computing,
    /// The script has used up its slice, and waits for its turn on its lane.
    Queued,
    /// The script waits.
    Waiting {
        /// The function that it waits in, such as `http_get`, `sleep` or `await_result`; `None` if that is a function
        /// which does not tell.
        call: Option<String>,
        /// What the function waits for, such as ``request 3 (`http_get`)``; `None` if its name says it all.
        target: Option<String>,
    },
    /// The run has ended, and its outcome is being written.
    Finishing,
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ScriptPlace {
    /// The module whose code it is; `None` for the script of the task.
    pub module: Option<String>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: Option<u32>,
}

impl RunState {
    /// The state of a run of which nothing more is known.
    #[must_use]
    pub const fn new(claim: &Claim, activity: RunActivity) -> Self {
        Self {
            task_id: claim.task,
            instance: claim.instance,
            delivery: claim.delivery,
            activity,
            activity_for: None,
            running_for: None,
            place: None,
            operations: None,
            memory: None,
        }
    }
}

impl ScriptPlace {
    /// A place in the script of the task.
    #[must_use]
    pub const fn new(line: u32, column: Option<u32>) -> Self {
        Self { module: None, line, column }
    }
}

/// Such as ``waits in `http_get` ``.
impl fmt::Display for RunActivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed => f.write_str("is claimed, and waits for a lane"),
            Self::Native => f.write_str("runs native code"),
            Self::Computing => f.write_str("computes"),
            Self::Queued => f.write_str("computes, and waits for its turn on its lane"),
            Self::Waiting { call: None, target: None } => f.write_str("waits in a native function"),
            Self::Waiting { call: None, target: Some(target) } => write!(f, "waits for {target}"),
            Self::Waiting { call: Some(call), target: None } => write!(f, "waits in `{call}`"),
            Self::Waiting { call: Some(call), target: Some(target) } => {
                write!(f, "waits in `{call}` for {target}")
            }
            Self::Finishing => f.write_str("has ended, and its outcome is being written"),
        }
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_json_and_back() {
        let claim = Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 2 };
        let call = Some("await_result".to_owned());
        let waiting = RunActivity::Waiting { call, target: Some("request 1 (`http_get`)".into()) };
        let mut state = RunState::new(&claim, waiting);
        state.activity_for = Some(Duration::from_millis(1_500));
        state.place = Some(ScriptPlace::new(3, Some(7)));
        let json = serde_json::to_value(&state).expect("JSON");
        assert_eq!(
            (&json["activityForMs"], &json["runningForMs"]),
            (&1_500.into(), &serde_json::Value::Null)
        );
        assert_eq!(json["activity"]["kind"], "waiting");
        assert_eq!(serde_json::from_value::<RunState>(json).expect("a state"), state);
        assert_eq!(state.activity.to_string(), "waits in `await_result` for request 1 (`http_get`)");
    }
}
