use std::collections::VecDeque;

/// A queue from whose middle items can be removed by their numbers, which rise from front to back.
///
/// A removed item leaves a gap, so that no other moves. Gaps are closed when there are more of them than items: each
/// operation takes constant time on average, or the logarithm of the length to find a number.
#[derive(Debug)]
pub(super) struct Line<T> {
    places: VecDeque<(u64, Option<T>)>,
    len: usize,
}

/// So many gaps are kept in any case.
const FEW: usize = 32;

impl<T> Line<T> {
    pub(super) const fn new() -> Self {
        Self { places: VecDeque::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an item, whose number is above all before.
    pub(super) fn push_back(&mut self, number: u64, item: T) {
        debug_assert!(self.places.back().is_none_or(|(last, _)| *last < number), "numbers rise");
        self.places.push_back((number, Some(item)));
        self.len += 1;
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        loop {
            if let (_, Some(item)) = self.places.pop_front()? {
                self.len -= 1;
                return Some(item);
            }
        }
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let index = self.index_of(number)?;
        self.places[index].1.as_mut()
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let index = self.index_of(number)?;
        let item = self.places[index].1.take()?;
        self.len -= 1;
        if self.places.len() > 2 * self.len + FEW {
            self.places.retain(|(_, item)| item.is_some());
        }
        Some(item)
    }

    /// Takes out all items, in their order.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.len = 0;
        std::mem::take(&mut self.places).into_iter().filter_map(|(_, item)| item)
    }

    fn index_of(&self, number: u64) -> Option<usize> {
        self.places.binary_search_by_key(&number, |(number, _)| *number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_items_leave_the_order_of_the_others() {
        let mut line = Line::new();
        (0..1_000).for_each(|number| line.push_back(number, number));
        assert!(
            (0..1_000).filter(|number| number % 3 != 0).all(|number| line.remove(number) == Some(number))
        );
        assert_eq!((line.remove(1), line.remove(1_000)), (None, None));
        assert_eq!(line.get_mut(3), Some(&mut 3));
        assert_eq!(line.len(), 334);
        let all: Vec<_> = std::iter::from_fn(|| line.pop_front()).collect();
        assert_eq!(all, (0..1_000).step_by(3).collect::<Vec<_>>());
        assert!(line.is_empty());
    }

    #[test]
    fn gaps_behind_an_item_that_stays_are_bounded() {
        let mut line = Line::new();
        line.push_back(0, 0);
        for number in 1..10_000 {
            line.push_back(number, number);
            line.remove(number);
            assert!(line.places.len() <= 2 + FEW + 1, "{}", line.places.len());
        }
        assert_eq!(line.take_all().collect::<Vec<_>>(), [0]);
        assert!(line.is_empty());
    }
}
