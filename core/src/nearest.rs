/// The longest name for which one is looked for, in bytes.
const MAX_NAME: usize = 64;

/// The name that is nearest to one that is unknown: at most two letters are missing, too many, different or swapped; of
/// a name of three letters or fewer, one. Of several the first is returned. A name of one letter is near to none: another
/// letter has nothing in common with it.
///
/// ```
/// use rhai_dispatcher_core::nearest;
///
/// assert_eq!(nearest("htpp_get", ["http_get", "http_post"]), Some("http_get"));
/// assert_eq!(nearest("quux", ["http_get", "http_post"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(unknown: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = unknown.chars().take(MAX_NAME + 1).collect();
    if letters.len() < 2 || unknown.len() > MAX_NAME {
        return None;
    }
    let max = if letters.len() <= 3 { 1 } else { 2 };
    let near = names.into_iter().filter_map(|name| {
        let other: Vec<char> = name.chars().take(MAX_NAME).collect();
        let distance = (letters.len().abs_diff(other.len()) <= max).then(|| distance(&letters, &other))?;
        (distance > 0 && distance <= max).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How many letters have to be added, removed, changed or swapped with their neighbour.
fn distance(one: &[char], other: &[char]) -> usize {
    // The rows of the table for the last two prefixes of `one`, and this one.
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (last[j + 1] + 1).min(row[j] + 1).min(last[j] + usize::from(a != b));
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before_at(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

fn before_at(row: &[usize], index: usize) -> usize {
    row.get(index).copied().unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("http_gte", "http_get", 1),
            ("sha265", "sha256", 1),
            ("größe", "grosse", 3),
        ] {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&letters(one), &letters(other)), expected, "{one} {other}");
            assert_eq!(distance(&letters(other), &letters(one)), expected, "{other} {one}");
        }
    }

    #[test]
    fn nearest_name_is_close_or_none() {
        let names = ["len", "print", "sleep", "sha256", "split"];
        assert_eq!(nearest("pritn", names), Some("print"));
        assert_eq!(nearest("slpit", names), Some("split"));
        assert_eq!(nearest("lem", names), Some("len"));
        assert_eq!(nearest("ln", names), Some("len"));
        assert_eq!(nearest("xy", names), None);
        assert_eq!(nearest("c", ["a", "b"]), None, "one letter for another");
        assert_eq!(nearest("ab", ["a", "b"]), Some("a"));
        assert_eq!(nearest("abc", names), None);
        assert_eq!(nearest("print", names), None, "a name that is known");
        assert_eq!(nearest(&"p".repeat(100_000), names), None);
    }
}
