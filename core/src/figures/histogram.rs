use std::collections::BTreeMap;
use std::time::Duration;

/// How many times fall into each bucket, in microseconds.
///
/// A bucket of a time below 8 µs is that number of microseconds. Above, each power of two has 8 buckets of the same
/// width, so that the middle of a bucket is within 6.25 % of every time in it. Only buckets that are not empty are
/// kept: the calls of one method take a few dozen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<u16, u64>);

/// How many buckets a power of two has.
const PER_DOUBLING: u64 = 8;
/// The logarithm of that.
const BITS: u32 = PER_DOUBLING.trailing_zeros();
/// The longest time that is told apart from longer ones: 19 hours.
const LONGEST: u64 = (1 << 36) - 1;

impl Histogram {
    /// How many buckets there are.
    pub const BUCKETS: usize = Self::bucket_of(LONGEST) as usize + 1;

    /// The bucket of a time in microseconds.
    #[must_use]
    pub const fn bucket_of(micros: u64) -> u16 {
        let micros = if micros > LONGEST { LONGEST } else { micros };
        if micros < PER_DOUBLING {
            return micros as u16;
        }
        let doublings = micros.ilog2() - BITS;
        let within = (micros >> doublings) - PER_DOUBLING;
        ((doublings as u64 + 1) * PER_DOUBLING + within) as u16
    }

    /// The middle of a bucket, in microseconds.
    fn middle(bucket: u16) -> f64 {
        let bucket = u64::from(bucket);
        if bucket < PER_DOUBLING {
            return bucket as f64;
        }
        let width = (1_u64 << (bucket / PER_DOUBLING - 1)) as f64;
        let first = (PER_DOUBLING + bucket % PER_DOUBLING) as f64 * width;
        first + (width - 1.0) / 2.0
    }

    /// Adds to a bucket. A number beyond the last bucket counts in the last.
    pub fn add(&mut self, bucket: u16, count: u64) {
        if count > 0 {
            *self.0.entry(bucket.min(Self::BUCKETS as u16 - 1)).or_default() += count;
        }
    }

    /// The buckets that are not empty, each with its count.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.0.iter().map(|(bucket, count)| (*bucket, *count))
    }

    /// How many times it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The time that a `share` of all times, from 0 to 1, is not above, within 6.25 %. `None` if it is empty.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let rank = ((share.clamp(0.0, 1.0) * count as f64).ceil() as u64).max(1);
        let mut below = 0;
        let bucket = self.0.iter().find(|(_, count)| {
            below += **count;
            below >= rank
        })?;
        Some(Duration::from_secs_f64(Self::middle(*bucket.0) / 1e6))
    }

    /// Adds all times of another one.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.buckets() {
            self.add(bucket, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for micros in 0..200_000 {
            let bucket = Histogram::bucket_of(micros);
            assert!(bucket == last || bucket == last + 1, "{micros}");
            last = bucket;
        }
        assert_eq!(usize::from(Histogram::bucket_of(u64::MAX)) + 1, Histogram::BUCKETS);
        assert_eq!(Histogram::BUCKETS, 272);
    }

    #[test]
    fn percentile_is_within_its_bound() {
        for micros in [1_u64, 7, 8, 15, 16, 17, 100, 999, 12_345, 1_000_000, 3_600_000_000] {
            let mut times = Histogram::default();
            times.add(Histogram::bucket_of(micros), 1);
            let found = times.percentile(0.5).expect("a time").as_secs_f64() * 1e6;
            assert!((found / micros as f64 - 1.0).abs() <= 0.0625, "{micros}: {found}");
        }
    }

    #[test]
    fn percentiles_are_ranks() {
        let mut times = Histogram::default();
        for micros in 1..=4 {
            times.add(Histogram::bucket_of(micros), 25);
        }
        let micros = |share| times.percentile(share).expect("a time").as_micros();
        assert_eq!([0.0, 0.25, 0.26, 0.5, 0.75, 0.99, 1.0].map(micros), [1, 1, 2, 2, 3, 4, 4]);
        assert_eq!(Histogram::default().percentile(0.5), None);
    }
}
