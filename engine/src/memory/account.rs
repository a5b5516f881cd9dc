use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::book::Book;

/// The memory that one script holds: the handle through which its run owns the account.
///
/// While the account is current on its thread, what is allocated there is charged to it.
pub(crate) struct Account {
    book: NonNull<Book>,
    /// What will be current when the script continues: its book, or null if it is suspended in
    /// [`uncharged`](super::uncharged). While the script runs, what was current before.
    other: Cell<*const Book>,
}

impl Account {
    /// An empty account, which is counted in `books` until all of its blocks are freed.
    pub(crate) fn open(limit: usize, books: &Arc<AtomicUsize>) -> Self {
        let book = Book::open(limit, books);
        Self { book, other: Cell::new(book.as_ptr()) }
    }

    /// Calls `f`, in which the script continues, and charges what is allocated meanwhile.
    pub(crate) fn during<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a Account);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.swap();
            }
        }
        self.swap();
        let _restore = Restore(self);
        f()
    }

    /// Makes this the current account of the thread, or makes it cease to be. Called in pairs, and
    /// nested ones are kept.
    fn swap(&self) {
        // SAFETY: a book is current only while a handle lives that made it so: `swap` is called in
        // pairs, and a handle that is dropped closes its book.
        self.other.set(unsafe { Book::replace_current(self.other.get()) });
    }

    /// How many bytes the script holds.
    pub(crate) fn bytes(&self) -> usize {
        usize::try_from(self.book().balance()).unwrap_or(0)
    }

    /// Whether that is more than it may.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.book().is_overdrawn()
    }

    fn book(&self) -> &Book {
        // SAFETY: the book lives until its handle has closed it, which is when `self` is dropped.
        unsafe { self.book.as_ref() }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // SAFETY: it was opened for this handle, which is gone with this call.
        unsafe { Book::close(self.book) };
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;
    use std::sync::atomic::Ordering;

    use super::super::book::{BLOCKS_PER_CHECK, PER_BLOCK, uncharged};
    use super::*;

    fn charge(bytes: usize) -> (*const Book, usize) {
        (Book::charge(bytes), bytes)
    }

    fn credit((book, bytes): (*const Book, usize)) {
        // SAFETY: only what `charge` returned is passed, once.
        unsafe { Book::credit(book, bytes) };
    }

    #[test]
    fn blocks_are_charged_to_the_script_that_made_them() {
        let books = Arc::default();
        let (one, two) = (Account::open(1000, &books), Account::open(1000, &books));
        one.swap();
        let of_one = charge(600);
        let of_none = uncharged(|| charge(50));
        one.swap();
        two.swap();
        let of_two = charge(7);
        credit(of_one);
        credit(of_none);
        two.swap();
        assert_eq!((one.bytes(), two.bytes()), (0, 7 + PER_BLOCK));
        credit(of_two);
        assert_eq!((one.bytes(), two.bytes()), (0, 0));
        drop((one, two));
        assert_eq!(books.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_account_lives_as_long_as_its_last_block() {
        let books = Arc::default();
        let account = Account::open(1000, &books);
        account.swap();
        let (first, last) = (charge(10), charge(20));
        account.swap();
        drop(account);
        let (first, last) = ((first.0.expose_provenance(), first.1), (last.0.expose_provenance(), last.1));
        // On other threads, as outputs are.
        for (address, bytes) in [first, last] {
            assert_eq!(books.load(Ordering::Relaxed), 1);
            let credit = move || credit((ptr::with_exposed_provenance(address), bytes));
            assert!(std::thread::spawn(credit).join().is_ok());
        }
        assert_eq!(books.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_others_freed_is_not_held_against_a_script() {
        let books = Arc::default();
        let account = Account::open(1000, &books);
        account.swap();
        for _ in 0..10 {
            let block = charge(600);
            uncharged(|| credit(block));
            assert!(!account.is_overdrawn());
        }
        let blocks = (charge(600), charge(600));
        assert!(account.is_overdrawn());
        credit(blocks.0);
        assert!(!account.is_overdrawn());
        credit(blocks.1);
        account.swap();
    }

    #[test]
    fn blocks_that_are_made_and_freed_bring_the_next_check_nearer() {
        let account = Account::open(usize::MAX, &Arc::default());
        account.swap();
        for _ in 0..BLOCKS_PER_CHECK / 2 {
            credit(charge(10));
        }
        assert_eq!(account.book().until_check(), 0);
        let block = charge(10);
        assert_eq!(account.book().until_check(), BLOCKS_PER_CHECK);
        uncharged(|| credit(block));
        account.swap();
    }

    #[test]
    fn a_script_can_be_suspended_where_nothing_is_charged() {
        let books = Arc::default();
        let account = Account::open(1000, &books);
        account.swap();
        let block = uncharged(|| {
            account.swap(); // suspends
            account.swap(); // resumes
            charge(5)
        });
        assert_eq!(account.bytes(), 0);
        credit(block);
        let block = charge(5);
        assert_eq!(account.bytes(), 5 + PER_BLOCK);
        credit(block);
        account.swap();
    }
}
