use rhai::{Dynamic, EvalAltResult, ImmutableString, Map, Position};

/// Why a call failed, as a script catches it: an object map with `kind`, `message`, `value` and `line`.
#[derive(Debug, Clone)]
pub(crate) struct CallError {
    kind: ImmutableString,
    message: String,
    /// What was thrown, or unit.
    value: Dynamic,
}

/// The longest message of an error, in bytes. What a script throws can be longer.
pub(crate) const MAX_MESSAGE: usize = 8 * 1024;

/// The kind of those that have none of their own.
pub(crate) const RUNTIME: &str = "runtime";
/// The kind of a wrong argument.
pub(crate) const INVALID: &str = "invalid";
/// The kind of a function that panicked, or of a pool without a thread for it.
pub(crate) const PANIC: &str = "panic";
/// The kind of an answer that is larger than the script may hold.
pub(crate) const TOO_LARGE: &str = "too_large";
/// The kind of a call that took longer than its timeout.
pub(crate) const TIMEOUT: &str = "timeout";
/// The kind of a call that was cancelled.
pub(crate) const CANCELLED: &str = "cancelled";
/// The kind of an error about a request that has not ended.
pub(crate) const NOT_READY: &str = "not_ready";
/// The kind of an error about an id that is not of a request whose result can be fetched.
pub(crate) const NOT_FOUND: &str = "not_found";

impl CallError {
    /// An error of this kind without a value.
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), value: Dynamic::UNIT }
    }

    /// The error about a result that was kept for too long.
    pub(super) fn not_fetched() -> Self {
        Self::new(NOT_FOUND, "the request's result was not fetched in time")
    }

    /// The same with what was thrown.
    pub(crate) fn with_value(mut self, value: Dynamic) -> Self {
        self.value = value;
        self
    }

    /// An error that is data, with a text for its message: its `kind` and `message`, if it is an object map with such strings.
    pub(crate) fn of_value(value: Dynamic, otherwise: impl FnOnce() -> String) -> Self {
        let (kind, message) = match value.as_map_ref() {
            Ok(map) => (text(&map, "kind"), text(&map, "message")),
            Err(_) => (None, None),
        };
        let message = message.map_or_else(otherwise, |message| message.as_str().to_owned());
        Self { kind: kind.unwrap_or_else(|| RUNTIME.into()), message, value }
    }

    /// Whether an object map is such an error: it has the strings `kind` and `message`.
    pub(crate) fn is_shape(map: &Map) -> bool {
        text(map, "kind").is_some() && text(map, "message").is_some()
    }

    /// Whether such an error has no more to tell than its message.
    pub(crate) fn is_only_message(map: &Map) -> bool {
        text(map, "kind").is_some_and(|kind| kind == RUNTIME)
            && map.iter().all(|(name, value)| match name.as_str() {
                "kind" | "message" | "line" => true,
                "value" => value.is_unit(),
                _ => false,
            })
    }

    /// What such an error reads: its message, after its kind unless that is `runtime`. `None` if it is not one.
    pub(crate) fn text_of(map: &Map) -> Option<String> {
        let (kind, message) = (text(map, "kind")?, text(map, "message")?);
        Some(if kind == RUNTIME { message.to_string() } else { format!("{kind}: {message}") })
    }

    /// The same of one that was caught, which has the rest as well.
    pub(crate) fn text_of_caught(map: &Map) -> Option<String> {
        let is_caught = map.contains_key("value") && map.contains_key("line");
        is_caught.then(|| Self::text_of(map)).flatten()
    }

    pub(crate) fn into_map(mut self) -> Map {
        if self.message.len() > MAX_MESSAGE {
            self.message.truncate(self.message.floor_char_boundary(MAX_MESSAGE));
            self.message.push('…');
        }
        let fields = [("kind", self.kind.into()), ("message", self.message.into()), ("value", self.value)];
        fields.into_iter().map(|(key, value): (&str, Dynamic)| (key.into(), value)).collect()
    }
}

impl From<CallError> for Dynamic {
    fn from(error: CallError) -> Self {
        error.into_map().into()
    }
}

impl From<CallError> for Box<EvalAltResult> {
    fn from(error: CallError) -> Self {
        throw(error.into())
    }
}

/// The error that throws `value`.
pub(super) fn throw(value: Dynamic) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(value, Position::NONE).into()
}

fn text(map: &Map, name: &str) -> Option<ImmutableString> {
    map.get(name)?.as_immutable_string_ref().ok().map(|text| text.clone())
}
