use bytes::Bytes;
use rhai_dispatcher_core::{Claim, Inquiry, RunState};

/// A question as a message has it: `task instance delivery asker number`.
pub(crate) fn parse(text: &str) -> Option<Inquiry> {
    let mut words = text.split(' ');
    let claim = Claim {
        task: words.next()?.parse().ok()?,
        instance: words.next()?.parse().ok()?,
        delivery: words.next()?.parse().ok()?,
    };
    Some(Inquiry { claim, asker: words.next()?.parse().ok()?, number: words.next()?.parse().ok()? })
}

/// An answer as a message has it: the number of the question, and the state as JSON, unless the instance does not have the
/// run.
pub(crate) fn encode_answer(number: u64, state: Option<&RunState>) -> Bytes {
    let json = state.and_then(|state| serde_json::to_string(state).ok());
    json.map_or_else(|| number.to_string(), |json| format!("{number} {json}")).into()
}

/// The number of the question, and the state. An answer that a newer version has written may not be readable.
pub(crate) fn parse_answer(text: &str) -> Option<(u64, Option<RunState>)> {
    match text.split_once(' ') {
        None => Some((text.parse().ok()?, None)),
        Some((number, json)) => Some((number.parse().ok()?, Some(serde_json::from_str(json).ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::{InstanceId, RunActivity, TaskId, Uuid};

    use super::*;

    #[test]
    fn answer_reads_as_it_was_written() {
        let claim = Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 2 };
        let call = Some("http get".to_owned());
        let state = RunState::new(&claim, RunActivity::Waiting { call, target: None });
        for state in [Some(state), None] {
            let text = encode_answer(7, state.as_ref());
            assert_eq!(parse_answer(std::str::from_utf8(&text).expect("text")), Some((7, state)));
        }
        assert_eq!(parse_answer("x"), None);
        assert_eq!(parse_answer("7 {}"), None);
    }

    #[test]
    fn question_has_all_its_parts() {
        let claim = Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 2 };
        let asker = Uuid::new_v4();
        let text = format!("{} {} 2 {asker} 9", claim.task, claim.instance);
        assert_eq!(parse(&text), Some(Inquiry { claim, asker, number: 9 }));
        assert_eq!(parse("x"), None);
    }
}
