use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

/// The text of a body, or `None` if the body is not text: it is compressed, or its bytes are invalid in its
/// charset.
///
/// A byte order mark overrides `charset` in the content type, and is left out of the text. Without either, or with
/// an unknown charset, the body is read as UTF-8. (ISO-8859-1 is read as Windows-1252, as in
/// browsers.)
pub(crate) fn text<'a>(body: &'a [u8], content_type: &str, content_encoding: &str) -> Option<Cow<'a, str>> {
    if body.is_empty() {
        return Some(Cow::Borrowed(""));
    }
    if content_encoding.split(',').any(is_compression) {
        return None;
    }
    let (charset, mark) = Encoding::for_bom(body)
        .unwrap_or_else(|| (charset(content_type).and_then(Encoding::for_label).unwrap_or(UTF_8), 0));
    charset.decode_without_bom_handling_and_without_replacement(&body[mark..])
}

/// Whether a content coding changes the bytes. Some servers name their charset there.
fn is_compression(coding: &str) -> bool {
    let coding = coding.trim();
    let changes_nothing = coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    !changes_nothing && Encoding::for_label(coding.as_bytes()).is_none()
}

/// The `charset` of a content type.
fn charset(content_type: &str) -> Option<&[u8]> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, label) = { parameters }.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(label.trim().trim_matches(['"', '\'']).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_text_in_its_charset() {
        for (body, content_type, expected) in [
            (&b"caf\xc3\xa9"[..], "", Some("café")),
            (b"caf\xe9", "text/plain; charset=ISO-8859-1", Some("café")),
            (b"caf\xe9", "text/plain;Charset=\"latin1\"", Some("café")),
            (b"\x80 5", "text/plain; charset=windows-1252", Some("€ 5")),
            (b"\xff\xfea\0\xe9\0", "text/plain", Some("aé")),
            (b"\xfe\xff\0a\0\xe9", "text/plain; charset=utf-8", Some("aé")),
            (b"a\0\xe9\0", "application/json; charset=utf-16le", Some("aé")),
            (b"\x83e\x83X\x83g", "text/html; x=1; charset=Shift_JIS", Some("テスト")),
            (b"\xef\xbb\xbfa", "", Some("a")),
            (b"\xef\xbb\xbf", "", Some("")),
            (b"caf\xc3\xa9", "text/plain; charset=nonsense", Some("café")),
            (b"caf\xc3\xa9", "text/plain; charset", Some("café")),
            // These bodies are not text.
            (b"caf\xe9", "", None),
            (b"caf\xe9", "text/plain; charset=utf-8", None),
            (b"\x89PNG\r\n\x1a\n\0", "image/png", None),
            (b"a\0b", "text/plain; charset=utf-16le", None),
            (b"\xff\xfe\0\xd8", "", None),
        ] {
            assert_eq!(text(body, content_type, "").as_deref(), expected, "{content_type}: {body:?}");
        }
    }

    #[test]
    fn a_compressed_body_is_no_text() {
        for coding in ["gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip", "x-unknown"] {
            assert_eq!(text(b"plain", "text/plain", coding), None, "{coding}");
            assert_eq!(text(b"", "text/plain", coding).as_deref(), Some(""), "{coding}");
        }
        for coding in ["", "identity", "Identity,", "utf-8", "UTF8"] {
            assert_eq!(text(b"plain", "text/plain", coding).as_deref(), Some("plain"), "{coding}");
        }
    }
}
