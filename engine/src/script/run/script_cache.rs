use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use rhai::AST;

/// The compiled forms of the scripts that a lane ran last, by their text.
///
/// Bounded by the clock algorithm: an entry that was used since the hand last came by is passed over once.
#[derive(Debug)]
pub(crate) struct ScriptCache {
    entries: HashMap<Arc<str>, Entry>,
    /// All entries, in the order in which the hand comes by.
    order: VecDeque<Arc<str>>,
    /// The length of the texts.
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    ast: Rc<AST>,
    /// Whether it was used since the hand last came by.
    used: bool,
}

impl ScriptCache {
    pub(crate) fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), bytes: 0, max_entries, max_bytes }
    }

    pub(crate) fn get(&mut self, source: &str) -> Option<Rc<AST>> {
        let entry = self.entries.get_mut(source)?;
        entry.used = true;
        Some(Rc::clone(&entry.ast))
    }

    pub(crate) fn insert(&mut self, source: &Arc<str>, ast: &Rc<AST>) {
        if self.max_entries == 0 || source.len() > self.max_bytes {
            return;
        }
        while self.entries.len() >= self.max_entries || self.bytes + source.len() > self.max_bytes {
            self.evict();
        }
        let entry = Entry { ast: Rc::clone(ast), used: false };
        if self.entries.insert(Arc::clone(source), entry).is_none() {
            self.order.push_back(Arc::clone(source));
            self.bytes += source.len();
        }
    }

    /// Removes one entry; there is one.
    fn evict(&mut self) {
        while let Some(source) = self.order.pop_front() {
            if let Some(entry) = self.entries.get_mut(&source)
                && std::mem::take(&mut entry.used)
            {
                self.order.push_back(source);
                continue;
            }
            self.entries.remove(&source);
            self.bytes -= source.len();
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(cache: &mut ScriptCache, source: &str) {
        cache.insert(&Arc::from(source), &Rc::new(AST::empty()));
    }

    #[test]
    fn the_cache_is_bounded_by_entries_and_keeps_what_is_used() {
        let mut cache = ScriptCache::new(2, 1000);
        insert(&mut cache, "a");
        insert(&mut cache, "b");
        assert!(cache.get("a").is_some());
        insert(&mut cache, "c");
        assert!(cache.get("a").is_some(), "used since the hand came by");
        assert!(cache.get("b").is_none());
        assert_eq!((cache.entries.len(), cache.order.len(), cache.bytes), (2, 2, 2));
    }

    #[test]
    fn the_cache_is_bounded_by_bytes() {
        let mut cache = ScriptCache::new(100, 10);
        insert(&mut cache, "four");
        insert(&mut cache, "five!");
        insert(&mut cache, "two");
        assert!(cache.get("four").is_none());
        assert_eq!(cache.bytes, 8);
        insert(&mut cache, "too long for it");
        assert_eq!(cache.bytes, 8);
    }
}
