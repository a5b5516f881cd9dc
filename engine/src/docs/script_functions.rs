use super::function_doc::FunctionDoc;

/// What is written about the functions that every script has, beside those of Rhai itself.
pub(super) const SCRIPT_FUNCTIONS: &[FunctionDoc] = &[
    FunctionDoc::new(
        "print",
        &["print(value)"],
        "Writes a line to the log of the task. The log is bounded (`max_log_bytes`, 64 KiB); what is beyond is left out.",
    )
    .example("print(\"hello\")", "null"),
    FunctionDoc::new(
        "debug",
        &["debug(value)"],
        "Writes a value to the log of the task as it would stand in a script: a string in quotes.",
    )
    .example("debug(\"hello\")", "null"),
    FunctionDoc::new(
        "log",
        &["log(level, text)"],
        "Writes a line to the log of the task, as `print` does, with a level: `\"debug\"`, `\"info\"`, `\"warn\"` or \
         `\"error\"`. Rhai's logarithms, `log(x)` and `log(x, base)`, take numbers.",
    )
    .errors("`level` is another text.")
    .example("log(\"warn\", \"the cache is cold\")", "null"),
    FunctionDoc::new(
        "progress",
        &["progress(fraction, text)"],
        "Tells subscribers to the task (`rhaid call`, `rhaid tail`, `RhaiDispatcher::events`) how far it is, from 0 to 1, \
         and what it does. Of several in a row they may get the last only; one that comes late gets the latest. It is not kept \
         in the record.",
    )
    .errors("`fraction` is not between 0 and 1, or `text` is longer than 1,024 bytes.")
    .example("progress(0.5, \"2 of 4 files\")", "null"),
    FunctionDoc::new(
        "sleep",
        &["sleep(seconds)"],
        "Suspends the script for some seconds, whole or fractional. It holds no thread meanwhile.",
    )
    .example("sleep(0)", "null"),
    FunctionDoc::new(
        "to_json",
        &["to_json(value)"],
        "The JSON text of a value, which can also be written `value.to_json()`. A character becomes a string, unit `null`, \
         a secret `\"[secret]\"`.",
    )
    .errors(
        "A blob, a timestamp, a range, a function, NaN, an infinity or a value of another type is in it: the error names \
         the type and the place. No `catch` gets the error of a text longer than `max_string_bytes`, or of more than \
         1,000 levels.",
    )
    .example("to_json(#{ a: [1, 'x', ()] })", "\"{\\\"a\\\":[1,\\\"x\\\",null]}\""),
    FunctionDoc::new(
        "parse_json",
        &["parse_json(text)"],
        "The value of a JSON text of any kind. Of several properties of one name, the last counts.",
    )
    .errors(
        "The text is not JSON, or has a whole number beyond 64 bits with a sign. No `catch` gets the error of more than 127 levels.",
    )
    .example("parse_json(\"[1, {\\\"a\\\": null}]\")", "[1,{\"a\":null}]"),
];
