use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes ids, which are 16 bytes and mostly random: one multiplication, under a secret of this
/// table, since clients may choose ids that are not random.
///
/// The folded multiply is that of wyhash (Wang Yi, 2019) and its descendants.
#[derive(Clone)]
pub(crate) struct IdHasher {
    secret: [u64; 2],
}

impl Default for IdHasher {
    fn default() -> Self {
        let random = RandomState::new();
        Self { secret: [random.hash_one(0) | 1, random.hash_one(1) | 1] }
    }
}

impl BuildHasher for IdHasher {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { state: self.secret[0], secret: self.secret[1] }
    }
}

/// One hash under way.
pub(crate) struct Folded {
    state: u64,
    secret: u64,
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in words.by_ref() {
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            self.write_u64(word);
        }
        for byte in words.remainder() {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.secret ^ word.rotate_left(32));
        self.state = (product as u64) ^ ((product >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rhai_dispatcher_core::TaskId;

    use super::*;

    #[test]
    fn ids_that_differ_in_one_bit_are_spread() {
        let hasher = IdHasher::default();
        let base = TaskId::new().as_uuid().as_u128();
        let hashes = (0..128).map(|bit| hasher.hash_one((base ^ (1 << bit)).to_be_bytes()));
        let low: HashSet<u64> = hashes.clone().map(|hash| hash & 0xffff).collect();
        let high: HashSet<u64> = hashes.map(|hash| hash >> 48).collect();
        assert!(low.len() > 110 && high.len() > 110, "{} {}", low.len(), high.len());
    }
}
