use std::fmt;
use std::str::FromStr;

/// The place of an entry in the log of its worker id: later ones are greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityPosition {
    /// When it was logged, by the transport's clock, in milliseconds since the epoch.
    pub millis: u64,
    /// Tells what was logged in the same millisecond apart.
    pub sequence: u64,
    /// Tells entries apart that were logged together.
    pub index: u32,
}

impl ActivityPosition {
    /// The least position that is greater.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { index: self.index.saturating_add(1), ..self }
    }
}

impl fmt::Display for ActivityPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.millis, self.sequence, self.index)
    }
}

impl FromStr for ActivityPosition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '-');
        let mut part = || parts.next()?.parse::<u64>().ok();
        let (millis, sequence, index) = (part(), part(), part());
        let (Some(millis), Some(sequence), Some(index)) = (millis, sequence, index) else { return Err(()) };
        Ok(Self { millis, sequence, index: u32::try_from(index).map_err(drop)? })
    }
}
