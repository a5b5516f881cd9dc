use std::time::Duration;

use crate::WallTime;

/// A moment of the past, by the transport's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long before now. What "now" is, the transport says: the clock of this machine decides nothing.
    Ago(Duration),
    /// That moment.
    At(WallTime),
}

impl Moment {
    /// The moment, if it is `now` now. Not before the epoch.
    #[must_use]
    pub fn resolve(self, now: WallTime) -> WallTime {
        match self {
            Self::Ago(time) => {
                let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                WallTime::from_millis(now.as_millis().saturating_sub(millis))
            }
            Self::At(at) => at,
        }
    }
}
