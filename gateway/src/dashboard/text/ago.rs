use std::fmt;
use std::time::Duration;

use askama::filters::HtmlSafe;
use rhai_dispatcher::transport::WallTime;

/// A moment as it is told: how long ago it was, with the exact time behind it. A script of the page keeps it current.
#[derive(Debug, Clone, Copy)]
pub(in crate::dashboard) struct Ago {
    at: WallTime,
    now: WallTime,
}

impl Ago {
    /// A moment, as seen from `now`, by the same clock.
    pub(in crate::dashboard) const fn new(at: WallTime, now: WallTime) -> Self {
        Self { at, now }
    }
}

/// It has digits and words of its own only.
impl HtmlSafe for Ago {}

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, now } = *self;
        let text = match at > now {
            true => format!("in {}", coarse(at - now)),
            false if now - at < Duration::from_secs(1) => "now".to_owned(),
            false => format!("{} ago", coarse(now - at)),
        };
        let age = i128::from(now.as_millis()) - i128::from(at.as_millis());
        write!(f, "<time datetime=\"{at}\" title=\"{at}\" data-age=\"{age}\">{text}</time>")
    }
}

/// In the largest unit of which there is at least one.
fn coarse(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_with_the_exact_time() {
        let at = WallTime::from_millis(1_000_000_000_000);
        let ago = |seconds| Ago::new(at, at + Duration::from_secs(seconds)).to_string();
        assert!(ago(0).ends_with(">now</time>"));
        assert!(ago(59).ends_with(">59 s ago</time>") && ago(3_599).ends_with(">59 min ago</time>"));
        assert!(ago(86_400).ends_with(">1 d ago</time>"));
        assert!(ago(1).contains("title=\"2001-09-09T01:46:40.000Z\" data-age=\"1000\""));
        assert!(Ago::new(at + Duration::from_secs(5), at).to_string().ends_with(">in 5 s</time>"));
    }
}
