use std::time::Duration;

use rhai_dispatcher::transport::WallTime;

use super::visible::Visible;

/// A text of a table on one line, cut to `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let text = Visible::line(text).to_string();
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text,
    }
}

/// How long ago something was, in its two largest units, such as `3h 12m`. The server's clock may be ahead of this
/// machine's: then it is `0s`.
pub(crate) fn age(then: WallTime, now: WallTime) -> String {
    let seconds = Duration::from_millis(now.as_millis().saturating_sub(then.as_millis())).as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_has_its_two_largest_units() {
        let now = WallTime::from_millis(1_000_000_000);
        let aged = |seconds: u64| age(WallTime::from_millis(1_000_000_000 - 1_000 * seconds), now);
        assert_eq!(aged(59), "59s");
        assert_eq!(aged(61), "1m 1s");
        assert_eq!(aged(3_600 * 5 + 61), "5h 1m");
        assert_eq!(aged(86_400 * 2 + 3_600), "2d 1h");
        assert_eq!(age(now, WallTime::from_millis(5)), "0s");
    }

    #[test]
    fn long_texts_are_cut_on_one_line() {
        assert_eq!(cut("naïve", 5), "naïve");
        assert_eq!(cut("naïvety", 5), "naïv…");
        assert_eq!(cut("a\nb", 10), "a\\nb");
    }
}
