/// A count with a space between thousands.
pub(in crate::dashboard) fn count(count: impl TryInto<u64>) -> String {
    let digits = count.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// So many of something, such as `1 task` and `2 tasks`.
pub(in crate::dashboard) fn counted(number: usize, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A number of bytes, such as `1.5 MiB`.
pub(in crate::dashboard) fn bytes(bytes: impl TryInto<u64>) -> String {
    let bytes = bytes.try_into().unwrap_or(u64::MAX);
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, "KiB");
    for next in ["MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    format!("{value:.1} {unit}")
}

/// A share from 0 to 1, such as `99.5 %`. Less than everything is never shown as 100 %.
pub(in crate::dashboard) fn percent(share: f64) -> String {
    match share * 100.0 {
        all if all >= 100.0 => "100 %".to_owned(),
        most if most > 99.9 => "99.9 %".to_owned(),
        some => format!("{some:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_enough() {
        assert_eq!([count(0_u64), count(999_u64), count(1_000_u64)], ["0", "999", "1\u{202f}000"]);
        assert_eq!(count(1_234_567_u64), "1\u{202f}234\u{202f}567");
        assert_eq!(
            [counted(0, "task"), counted(1, "task"), counted(2, "task")],
            ["0 tasks", "1 task", "2 tasks"]
        );
        assert_eq!(
            [bytes(1_023_u64), bytes(1_536_u64), bytes(3_u64 << 30)],
            ["1023 B", "1.5 KiB", "3.0 GiB"]
        );
        assert_eq!([percent(1.0), percent(0.999_99), percent(0.5)], ["100 %", "99.9 %", "50.0 %"]);
    }
}
