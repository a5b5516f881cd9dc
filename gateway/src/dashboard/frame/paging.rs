use serde::Deserialize;

/// Which rows of a list are shown: those from a number on.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(in crate::dashboard) struct Paging {
    #[serde(default)]
    from: usize,
}

impl Paging {
    /// The rows of this page, at most `max`, and the number that the next page begins with, if there is one.
    pub(in crate::dashboard) fn page<T>(self, rows: Vec<T>, max: usize) -> (Vec<T>, Option<usize>) {
        let next = self.from.saturating_add(max);
        let next = (next < rows.len()).then_some(next);
        (rows.into_iter().skip(self.from).take(max).collect(), next)
    }

    /// Whether it is not the first page.
    pub(in crate::dashboard) const fn is_later(self) -> bool {
        self.from > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let page = |from| Paging { from }.page(vec![1, 2, 3], 2);
        assert_eq!([page(0), page(2), page(9)], [(vec![1, 2], Some(2)), (vec![3], None), (vec![], None)]);
        assert_eq!(page(usize::MAX), (vec![], None));
        assert!(!Paging::default().is_later() && Paging { from: 2 }.is_later());
    }
}
