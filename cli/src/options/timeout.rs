use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration above zero, such as `30s`, `1m30s` or `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeout(Duration);

impl Timeout {
    pub(crate) const fn duration(self) -> Duration {
        self.0
    }
}

/// A duration that may be zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; give a duration, such as 30s, 1m30s or 500ms"))
}

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str = "give a duration above zero, such as 30s, 1m30s or 500ms";
        let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; {HINT}"))?;
        if duration.is_zero() {
            return Err(format!("it is zero; {HINT}"));
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_a_unit_and_are_above_zero() {
        let parse = |text: &str| text.parse::<Timeout>().map(Timeout::duration);
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "0s", "0", "30", "-5s", "soon", "5 parsecs", "99999999999999999999999s"] {
            let error = parse(bad).expect_err(bad);
            assert!(error.contains("such as 30s"), "{bad}: {error}");
        }
    }
}
