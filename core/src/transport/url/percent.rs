/// Decodes a part of a URL: `%2F` is a `/`. A `+` stays as it is.
///
/// # Errors
/// What is wrong with it, without its text: that may be a password.
pub fn decode_percent(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) => bytes.push(u8::try_from(high * 16 + low).unwrap_or_default()),
            _ => return Err("has a % that no two hexadecimal digits follow"),
        }
    }
    String::from_utf8(bytes).map_err(|_| "has bytes that are not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_are_a_byte() {
        assert_eq!(decode_percent("a%2Fb%c3%a4+%25").as_deref(), Ok("a/bä+%"));
        for bad in ["%", "a%2", "%2x", "%ff"] {
            assert!(decode_percent(bad).is_err(), "{bad}");
        }
    }
}
