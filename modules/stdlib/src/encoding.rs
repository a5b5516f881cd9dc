use std::fmt::Write;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use rhai::{Blob, Dynamic, Engine, NativeCallContext};
use rhai_dispatcher_engine::{FunctionDoc, script_call};

use crate::argument::Argument;
use crate::error::{Answer, StdlibError};
use crate::sizes::Sizes;

/// The errors of a decoder of bytes, for the reference.
macro_rules! decode_errors {
    () => {
        "`text` is not a string, or has a character that does not belong there; the message names the first one. "
    };
}

pub(crate) const DOCS: &[FunctionDoc] = &[
    FunctionDoc::new("base64_encode", &["base64_encode(data)"], "A text or blob as base64 (RFC 4648), with padding.")
        .errors("`data` is neither text nor blob, or the result is longer than `max_string_bytes`.")
        .example("base64_encode(\"Hello\")", "\"SGVsbG8=\""),
    FunctionDoc::new(
        "base64_decode",
        &["base64_decode(text)"],
        "The text that stands in base64. Padding may be left out.",
    )
    .errors(concat!(decode_errors!(), "The bytes are not UTF-8: `base64_decode_blob` returns them."))
    .example("base64_decode(\"SGVsbG8=\")", "\"Hello\""),
    FunctionDoc::new(
        "base64_decode_blob",
        &["base64_decode_blob(text)"],
        "The bytes that stand in base64, as a blob. Padding may be left out.",
    )
    .errors(decode_errors!())
    .example("base64_decode_blob(\"/wA=\").len()", "2"),
    FunctionDoc::new(
        "base64url_encode",
        &["base64url_encode(data)"],
        "A text or blob as base64 for URLs, with `-` and `_`, and without padding, as in JSON Web Tokens.",
    )
    .errors("`data` is neither text nor blob, or the result is longer than `max_string_bytes`.")
    .example("base64url_encode(\"a?>\")", "\"YT8-\""),
    FunctionDoc::new(
        "base64url_decode",
        &["base64url_decode(text)"],
        "The text that stands in base64 for URLs. It may have padding.",
    )
    .errors(concat!(decode_errors!(), "The bytes are not UTF-8: `base64url_decode_blob` returns them."))
    .example("base64url_decode(\"YT8-\")", "\"a?>\""),
    FunctionDoc::new(
        "base64url_decode_blob",
        &["base64url_decode_blob(text)"],
        "The bytes that stand in base64 for URLs, as a blob. It may have padding.",
    )
    .errors(decode_errors!())
    .example("base64url_decode_blob(\"_wA\").len()", "2"),
    FunctionDoc::new("hex_encode", &["hex_encode(data)"], "A text or blob as hexadecimal digits in lower case.")
        .errors("`data` is neither text nor blob, or the result is longer than `max_string_bytes`.")
        .example("hex_encode(\"abc\")", "\"616263\""),
    FunctionDoc::new(
        "hex_decode",
        &["hex_decode(text)"],
        "The text that stands in hexadecimal digits, in upper or lower case.",
    )
    .errors(concat!(decode_errors!(), "The bytes are not UTF-8: `hex_decode_blob` returns them."))
    .example("hex_decode(\"616263\")", "\"abc\""),
    FunctionDoc::new(
        "hex_decode_blob",
        &["hex_decode_blob(text)"],
        "The bytes that stand in hexadecimal digits, as a blob.",
    )
    .errors(decode_errors!())
    .example("hex_decode_blob(\"ff00\").len()", "2"),
    FunctionDoc::new(
        "url_encode",
        &["url_encode(text)"],
        "A text as a part of a URL: a segment of its path, or a name or value of its query. All but letters and digits of \
         ASCII and `-._~` become `%XX` (RFC 3986).",
    )
    .errors("`text` is not a string, or the result is longer than `max_string_bytes`.")
    .example("url_encode(\"a b/ü\")", "\"a%20b%2F%C3%BC\""),
    FunctionDoc::new(
        "url_decode",
        &["url_decode(text)"],
        "The text of a part of a URL. A `+` stays a `+`: replace it first in a query of a form.",
    )
    .errors("`text` is not a string, has a `%` without two hexadecimal digits, or its bytes are not UTF-8.")
    .example("url_decode(\"a%20b%2F%C3%BC\")", "\"a b/ü\""),
];

/// Characters that a part of a URL contains unescaped (RFC 3986, unreserved).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT.with_encode_padding(false));

pub(crate) fn register(engine: &mut Engine, sizes: Sizes) {
    register_base64(engine, sizes, &STANDARD, ["base64_encode", "base64_decode", "base64_decode_blob"]);
    register_base64(
        engine,
        sizes,
        &URL_SAFE,
        ["base64url_encode", "base64url_decode", "base64url_decode_blob"],
    );

    engine.register_fn("hex_encode", move |context: NativeCallContext<'_>, data: Dynamic| {
        script_call(&context, || -> Answer<String> {
            let bytes = Argument::new("hex_encode", "data", &data).bytes()?;
            sizes.check_text("hex_encode", bytes.len().saturating_mul(2))?;
            Ok(hex(&bytes))
        })
    });
    engine.register_fn("hex_decode", move |context: NativeCallContext<'_>, text: Dynamic| {
        script_call(&context, || -> Answer<String> {
            let text = Argument::new("hex_decode", "text", &text);
            Ok(utf_8(&text, hex_decode(&text, "hex_decode", sizes)?, "use `hex_decode_blob`")?)
        })
    });
    engine.register_fn("hex_decode_blob", move |context: NativeCallContext<'_>, text: Dynamic| {
        script_call(&context, || -> Answer<Blob> {
            let text = Argument::new("hex_decode_blob", "text", &text);
            Ok(hex_decode(&text, "hex_decode_blob", sizes)?)
        })
    });

    engine.register_fn("url_encode", move |context: NativeCallContext<'_>, text: Dynamic| {
        script_call(&context, || -> Answer<String> {
            let text = Argument::new("url_encode", "text", &text).text()?;
            let encoded = || utf8_percent_encode(&text, RESERVED);
            sizes.check_text("url_encode", encoded().map(str::len).sum())?;
            Ok(encoded().collect())
        })
    });
    engine.register_fn("url_decode", move |context: NativeCallContext<'_>, text: Dynamic| {
        script_call(&context, || -> Answer<String> {
            let text = Argument::new("url_decode", "text", &text);
            Ok(url_decode(&text)?)
        })
    });
}

fn register_base64(
    engine: &mut Engine,
    sizes: Sizes,
    base64: &'static GeneralPurpose,
    [encode, decode, decode_blob]: [&'static str; 3],
) {
    engine.register_fn(encode, move |context: NativeCallContext<'_>, data: Dynamic| {
        script_call(&context, || -> Answer<String> {
            let bytes = Argument::new(encode, "data", &data).bytes()?;
            let len = base64::encoded_len(bytes.len(), true).unwrap_or(usize::MAX);
            sizes.check_text(encode, len)?;
            Ok(base64.encode(&*bytes))
        })
    });
    engine.register_fn(decode, move |context: NativeCallContext<'_>, text: Dynamic| {
        script_call(&context, || -> Answer<String> {
            let text = Argument::new(decode, "text", &text);
            let bytes = base64_decode(&text, base64)?;
            Ok(utf_8(&text, bytes, &format!("use `{decode_blob}`"))?)
        })
    });
    engine.register_fn(decode_blob, move |context: NativeCallContext<'_>, text: Dynamic| {
        script_call(&context, || -> Answer<Blob> {
            let text = Argument::new(decode_blob, "text", &text);
            // Four characters are three bytes; up to two characters are padding.
            sizes.check_blob(decode_blob, (text.text()?.len() / 4 * 3).saturating_sub(2))?;
            Ok(base64_decode(&text, base64)?)
        })
    });
}

fn base64_decode(text: &Argument<'_>, base64: &GeneralPurpose) -> Result<Blob, StdlibError> {
    let source = text.text()?;
    base64.decode(source.as_bytes()).map_err(|error| {
        use base64::DecodeError::{InvalidByte, InvalidLastSymbol, InvalidLength, InvalidPadding};
        match error {
            InvalidByte(at, _) => text.problem(format_args!(
                "{} is not a character of this form of base64; remove line breaks and spaces, and decode `-` and `_` \
                 with base64url_decode",
                character_at(&source, at)
            )),
            InvalidLastSymbol { .. } | InvalidLength(_) => {
                text.problem("it ends in the middle of a byte; pass all of it")
            }
            InvalidPadding => text.problem("its padding of `=` is wrong; leave it out, or pass all of it"),
        }
    })
}

/// Hexadecimal digits in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}"); // a write to a string does not fail
    }
    text
}

fn hex_decode(text: &Argument<'_>, function: &str, sizes: Sizes) -> Result<Blob, StdlibError> {
    let source = text.text()?;
    if let Some(at) = source.bytes().position(|byte| !byte.is_ascii_hexdigit()) {
        let found = character_at(&source, at);
        return Err(text.problem(format_args!(
            "{found} is not a hexadecimal digit; remove what is not 0-9, a-f or A-F"
        )));
    }
    if source.len() % 2 == 1 {
        let digits = source.len();
        return Err(
            text.problem(format_args!("it has {digits} digits, an odd number; pass two for each byte"))
        );
    }
    if function.ends_with("_blob") {
        sizes.check_blob(function, source.len() / 2)?;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    };
    Ok(source.as_bytes().chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect())
}

fn url_decode(text: &Argument<'_>) -> Result<String, StdlibError> {
    let source = text.text()?;
    let bytes = source.as_bytes();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let digits = bytes.get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(text.problem(format_args!(
                "{} has not two hexadecimal digits behind it; write it as %25",
                character_at(&source, at)
            )));
        }
    }
    utf_8(text, percent_decode(bytes).collect(), "it is not the `url_encode` of a text")
}

fn utf_8(text: &Argument<'_>, bytes: Vec<u8>, way_out: &str) -> Result<String, StdlibError> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        text.problem(format_args!("the decoded bytes are not UTF-8, from byte {at} on; {way_out}"))
    })
}

/// The character at a byte, and its place among the characters, for an error.
fn character_at(text: &str, byte: usize) -> String {
    let start = text.floor_char_boundary(byte);
    let char = text[start..].chars().next().unwrap_or_default();
    format!("the character {char:?} at index {}", text[..start].chars().count())
}
