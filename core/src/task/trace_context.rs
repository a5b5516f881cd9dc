use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::trace_state::TraceState;
use crate::Invalid;
use crate::invalid::quoted;

/// The place of a task in a distributed trace: a trace context of the W3C, as the headers `traceparent` and `tracestate`
/// carry it.
///
/// A task takes it from its caller, and its children take theirs from it. As JSON it is
/// `{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","tracestate":"vendor=value"}`, without
/// `tracestate` if it has none.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Headers", into = "Headers")]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    /// The known ones of [`FLAGS`].
    flags: u8,
    state: Option<TraceState>,
}

/// The flags that this version of the format knows: sampled (1), and that the trace id is random (2). Unknown ones are
/// not passed on, as the format demands.
const FLAGS: u8 = 0b11;

/// The length of a `traceparent` of version 00, and of the part that all later versions begin with.
const LENGTH: usize = 55;

const HINT: &str = "give the value of a traceparent header, such as \
                    00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

impl TraceContext {
    /// The context with these ids, in big-endian order. `None` if one of them is all zero, which the format forbids.
    #[must_use]
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], flags: u8) -> Option<Self> {
        let has_ids = trace_id != [0; 16] && span_id != [0; 8];
        has_ids.then_some(Self { trace_id, span_id, flags: flags & FLAGS, state: None })
    }

    /// The context of headers that come from outside, as far as they are valid: none if `traceparent` is not, and one
    /// without a state if `tracestate` is not. A state of more than 512 bytes loses entries: first those of more than
    /// 128 bytes, then those at the end.
    #[must_use]
    pub fn from_headers(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut context: Self = traceparent.parse().ok()?;
        context.state = tracestate.and_then(TraceState::shortened);
        Some(context)
    }

    /// Sets its state, the value of a `tracestate` header: up to 32 entries `key=value` with commas between them, and up
    /// to 512 bytes.
    ///
    /// # Errors
    /// [`Invalid`] of the field `tracestate` if it is anything else.
    pub fn with_tracestate(mut self, tracestate: &str) -> Result<Self, Invalid> {
        self.state = TraceState::parse(tracestate)?;
        Ok(self)
    }

    /// The value of the header `traceparent`, in version 00.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.to_string()
    }

    /// The value of the header `tracestate`, if it has a state.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_ref().map(TraceState::as_str)
    }

    /// The id of the trace, as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id_text(&self) -> String {
        self.traceparent()[3..35].to_owned()
    }

    /// The id of the trace, big-endian.
    #[must_use]
    pub const fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The id of the span that the task belongs to, big-endian: that of its caller.
    #[must_use]
    pub const fn span_id(&self) -> [u8; 8] {
        self.span_id
    }

    /// Its flags: 1 sampled, 2 the trace id is random.
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    fn parse(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let refuse = |problem: &str| Err(format!("{} {problem}", quoted(text)));
        let is_long_enough = match bytes.get(..2) {
            Some(b"00") => bytes.len() == LENGTH,
            // A later version may have more behind another dash.
            _ => bytes.len() == LENGTH || bytes.get(LENGTH) == Some(&b'-'),
        };
        if !is_long_enough || [2, 35, 52].iter().any(|dash| bytes[*dash] != b'-') {
            return refuse("does not have the form version-trace-span-flags");
        }
        let (mut version, mut trace_id, mut span_id, mut flags) = ([0], [0; 16], [0; 8], [0]);
        let parsed = hex(&bytes[..2], &mut version)
            .and(hex(&bytes[3..35], &mut trace_id))
            .and(hex(&bytes[36..52], &mut span_id))
            .and(hex(&bytes[53..55], &mut flags));
        if parsed.is_none() {
            return refuse("has a character outside 0-9 a-f");
        }
        if version == [0xff] {
            return refuse("has the version ff, which is invalid");
        }
        match Self::new(trace_id, span_id, flags[0]) {
            Some(context) => Ok(context),
            None => refuse("has an id of zeros, which is invalid"),
        }
    }
}

impl FromStr for TraceContext {
    type Err = Invalid;

    /// Takes the value of a header `traceparent`, of version 00 or a later one.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text).map_err(|problem| Invalid::new("traceparent", problem, HINT))
    }
}

/// The value of the header `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        self.trace_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_char('-')?;
        self.span_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "-{:02x}", self.flags)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The headers as JSON.
#[derive(Serialize, Deserialize)]
struct Headers {
    traceparent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<Arc<str>>,
}

impl TryFrom<Headers> for TraceContext {
    type Error = Invalid;

    fn try_from(headers: Headers) -> Result<Self, Invalid> {
        let context: Self = headers.traceparent.parse()?;
        match headers.tracestate {
            Some(state) => context.with_tracestate(&state),
            None => Ok(context),
        }
    }
}

impl From<TraceContext> for Headers {
    fn from(context: TraceContext) -> Self {
        Self { traceparent: context.traceparent(), tracestate: context.state.map(TraceState::into_text) }
    }
}

/// Reads `out` from twice as many lower-case hexadecimal digits. `None` if there is another character.
fn hex(digits: &[u8], out: &mut [u8]) -> Option<()> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    for (pair, byte) in digits.chunks_exact(2).zip(out) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn traceparent_comes_back_as_it_was() {
        let context: TraceContext = PARENT.parse().expect("valid");
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(context.trace_id()[..2], [0x4b, 0xf9]);
        assert_eq!(context.span_id()[6..], [0x02, 0xb7]);
        assert_eq!(context.flags(), 1);
    }

    #[test]
    fn unknown_flags_and_the_rest_of_a_later_version_are_dropped() {
        for (given, taken) in [
            (PARENT.replace("-01", "-ff"), PARENT.replace("-01", "-03")),
            (PARENT.replacen("00", "cc", 1), PARENT.to_owned()),
            (PARENT.replacen("00", "cc", 1) + "-what-it-may-be", PARENT.to_owned()),
        ] {
            assert_eq!(given.parse::<TraceContext>().expect(&given).traceparent(), taken);
        }
    }

    #[test]
    fn invalid_traceparent_is_an_error_of_its_field() {
        for bad in [
            "",
            "00",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            &PARENT[..54],
            &format!("{PARENT}-more"),
            &format!("{PARENT}0"),
            &(PARENT.replacen("00", "cc", 1) + "0"),
            &PARENT.replacen("00", "ff", 1),
            &PARENT.replacen("00", "0x", 1),
            &PARENT.to_uppercase(),
            &PARENT.replace('-', "_"),
            &format!(" {}", &PARENT[..54]),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47ä-00f067aa0ba902b7-01",
        ] {
            let error = bad.parse::<TraceContext>().expect_err(bad);
            assert_eq!(error.field, "traceparent");
            assert_eq!(TraceContext::from_headers(bad, None), None);
        }
    }

    #[test]
    fn invalid_state_from_outside_leaves_the_trace() {
        let state = |state: &str| {
            let context = TraceContext::from_headers(PARENT, Some(state)).expect("a trace");
            context.tracestate().map(str::to_owned)
        };
        assert_eq!(state("a=1,b=2"), Some("a=1,b=2".to_owned()));
        assert_eq!(state("a=1,a=2"), None);
        assert_eq!(state(""), None);
    }

    #[test]
    fn json_has_the_headers() {
        let context: TraceContext = PARENT.parse().expect("valid");
        let json = serde_json::to_string(&context).expect("JSON");
        assert_eq!(json, format!(r#"{{"traceparent":"{PARENT}"}}"#));
        assert_eq!(serde_json::from_str::<TraceContext>(&json).expect("a context"), context);
        let context = context.with_tracestate("a=1").expect("valid");
        let json = serde_json::to_string(&context).expect("JSON");
        assert_eq!(serde_json::from_str::<TraceContext>(&json).expect("a context"), context);
        assert!(serde_json::from_str::<TraceContext>(r#"{"traceparent":"1"}"#).is_err());
    }
}
