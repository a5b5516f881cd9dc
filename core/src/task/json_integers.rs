/// The first whole number in a JSON text that is beyond 64 bits with a sign, which a parser would make a float of.
/// `json` is one that parses.
///
/// ```
/// use rhai_dispatcher_core::integer_beyond_i64;
///
/// assert_eq!(integer_beyond_i64(r#"{"id": 12345678901234567890}"#), Some("12345678901234567890"));
/// assert_eq!(integer_beyond_i64(r#"["12345678901234567890", 1e30, 7]"#), None);
/// ```
#[must_use]
pub fn integer_beyond_i64(json: &str) -> Option<&str> {
    let mut rest = json;
    loop {
        let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
        rest = &rest[start..];
        if rest.starts_with('"') {
            rest = behind_string(rest);
            continue;
        }
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E')))
            .unwrap_or(rest.len());
        let number = &rest[..end];
        if !number.contains(['.', 'e', 'E']) && number.parse::<i64>().is_err() {
            return Some(number);
        }
        rest = &rest[end..];
    }
}

/// What follows the string that `json` begins with.
fn behind_string(json: &str) -> &str {
    let bytes = json.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return &json[at + 1..],
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_beyond_64_bits_are_found_outside_of_strings() {
        for (json, found) in [
            ("9223372036854775807", None),
            ("9223372036854775808", Some("9223372036854775808")),
            ("-9223372036854775808", None),
            ("-9223372036854775809", Some("-9223372036854775809")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("123456789012345678901234567890.0", None),
            ("12345678901234567890e0", None),
            (r#"["\"9223372036854775808", "\\", "é\\\"", 1]"#, None),
            (r#"["\\", 9223372036854775808]"#, Some("9223372036854775808")),
            (r#"{"9223372036854775808": [1, -0, 2.5]}"#, None),
            ("", None),
            ("\"", None),
            ("\"\\", None),
        ] {
            assert_eq!(integer_beyond_i64(json), found, "{json}");
        }
    }
}
