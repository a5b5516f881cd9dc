use bytes::Bytes;
use rhai_dispatcher_core::{LogLevel, LogLine, RunEvent, RunId};

/// The field of an entry that names the run.
const RUN: &[u8] = b"r";

/// The field of an entry for an event, and its value; none for a start, which the record shows.
///
/// A line is `number level text`, progress is `number fraction text`.
pub(crate) fn encode(event: &RunEvent) -> Option<(&'static str, Bytes)> {
    match event {
        RunEvent::Line { number, line } => {
            Some(("l", format!("{number} {} {}", line.level.as_str(), line.text).into()))
        }
        RunEvent::Progress { number, fraction, text } => {
            Some(("p", format!("{number} {fraction} {text}").into()))
        }
        _ => None,
    }
}

/// What an entry of a stream says, by its fields and values in turn. None if it is not known, which a newer version may
/// have written.
pub(crate) fn decode<'a>(fields: impl IntoIterator<Item = &'a Bytes>) -> Option<(RunId, RunEvent)> {
    let mut fields = fields.into_iter();
    let (mut run, mut event) = (None, None);
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let value = std::str::from_utf8(value).ok()?;
        match &name[..] {
            RUN => run = parse_run(value),
            b"l" => event = parse_line(value),
            b"p" => event = parse_progress(value),
            _ => {}
        }
    }
    run.zip(event)
}

/// The run of a claim: instance and delivery, behind which more may stand.
pub(crate) fn parse_run(claim: &str) -> Option<RunId> {
    let mut words = claim.split(' ');
    Some(RunId { instance: words.next()?.parse().ok()?, delivery: words.next()?.parse().ok()? })
}

fn parse_line(value: &str) -> Option<RunEvent> {
    let (number, rest) = value.split_once(' ')?;
    let (level, text) = rest.split_once(' ')?;
    let line = LogLine { level: level.parse::<LogLevel>().ok()?, text: text.to_owned() };
    Some(RunEvent::Line { number: number.parse().ok()?, line })
}

fn parse_progress(value: &str) -> Option<RunEvent> {
    let (number, rest) = value.split_once(' ')?;
    let (fraction, text) = rest.split_once(' ')?;
    let (number, fraction) = (number.parse().ok()?, fraction.parse::<f64>().ok()?);
    (0.0..=1.0).contains(&fraction).then(|| RunEvent::Progress { number, fraction, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::InstanceId;

    use super::*;

    #[test]
    fn events_read_as_they_were_written() {
        let run = RunId { instance: InstanceId::new(), delivery: 3 };
        let own = Bytes::from(format!("{} {}", run.instance, run.delivery));
        let line =
            |level, text: &str| RunEvent::Line { number: 7, line: LogLine { level, text: text.into() } };
        for event in [
            line(LogLevel::Print, ""),
            line(LogLevel::Debug, " two\nlines  "),
            RunEvent::Progress { number: 7, fraction: 1.0 / 3.0, text: "a third of it".into() },
            RunEvent::Progress { number: u32::MAX, fraction: 1.0, text: String::new() },
        ] {
            let (kind, value) = encode(&event).expect("it is sent");
            let fields = [Bytes::from_static(RUN), own.clone(), Bytes::from_static(kind.as_bytes()), value];
            assert_eq!(decode(&fields), Some((run, event)));
        }
        assert_eq!(encode(&RunEvent::Started), None);
    }

    #[test]
    fn entry_of_another_writer_is_left_out() {
        let run = Bytes::from(format!("{} 1", InstanceId::new()));
        for (kind, value) in [
            ("l", "x print text"),
            ("l", "1 odd text"),
            ("p", "0 2 text"),
            ("p", "0 NaN text"),
            ("p", "0.5 text"),
            ("q", ""),
        ] {
            let fields =
                [Bytes::from_static(RUN), run.clone(), Bytes::from_static(kind.as_bytes()), value.into()];
            assert_eq!(decode(&fields), None, "{kind} {value}");
        }
    }
}
