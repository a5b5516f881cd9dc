use std::time::Duration;

/// A duration with about three digits, such as `1.25 s`.
pub(in crate::dashboard) fn span(duration: Duration) -> String {
    let micros = duration.as_micros();
    let digits = |value: f64, unit: &str| match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    };
    match micros {
        // Moments are known to the millisecond.
        0 => "< 1 ms".to_owned(),
        1..1_000 => format!("{micros} µs"),
        1_000..999_500 => digits(micros as f64 / 1e3, "ms"),
        999_500..60_000_000 => digits(duration.as_secs_f64(), "s"),
        _ => long(duration.as_secs()),
    }
}

fn long(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        let of = |micros| span(Duration::from_micros(micros));
        assert_eq!([of(0), of(999), of(1_250), of(12_345)], ["< 1 ms", "999 µs", "1.25 ms", "12.3 ms"]);
        assert_eq!([of(123_456), of(999_999), of(59_940_000)], ["123 ms", "1.00 s", "59.9 s"]);
        assert_eq!(
            [of(61_000_000), of(3_660_000_000), of(90_000_000_000)],
            ["1 min 1 s", "1 h 1 min", "1 d 1 h"]
        );
    }
}
