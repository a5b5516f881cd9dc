use std::cell::Cell;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering, fence};

use crate::script::look_next;

/// The memory that one script holds: the handle through which its run owns the account.
///
/// While the account is current on its thread, what is allocated there is charged to it.
pub(crate) struct Account {
    book: NonNull<Book>,
    /// What will be current when the script goes on: its book, or null if it is suspended in
    /// [`uncharged`]. While the script runs, what was current before.
    other: Cell<*const Book>,
}

/// The sums of one account. Headers of blocks name it.
pub(super) struct Book {
    /// Bytes charged less bytes freed while it was current.
    local: Cell<isize>,
    /// [`OPEN`] until the handle is gone, less the bytes freed while it was not current; after that,
    /// the bytes that are still in use.
    shared: AtomicIsize,
    /// How many bytes the script may hold.
    limit: isize,
    /// Blocks that are still made or freed before the next operation looks at the clock.
    until_look: Cell<u32>,
    /// The number of books that exist, which this one is part of.
    books: Arc<AtomicUsize>,
}

/// More than could ever be freed, so that `shared` is not zero before the handle is gone.
const OPEN: isize = 1 << (isize::BITS - 2);

/// Blocks that are made and freed from one look at the clock to the next. They take 0.1 to 0.4 ms, of a slice of 1 ms.
/// So a script yields between two operations that copy or drop a large value each, however late the metronome is.
const BLOCKS_PER_LOOK: u32 = 4096;

/// What a block is charged beside its size, in bytes: for the time that it takes.
///
/// Rhai copies and drops a value in one step, in which the script can't yield: 25 to 130 ns for each block of a copy, and
/// 20 to 70 ns for each that is dropped. A million small blocks fit into 64 MiB, and would hold the lane for 100 ms;
/// with this, there are 220,000 of them at most.
const PER_BLOCK: usize = 256;

thread_local! {
    /// The book to which this thread charges what it allocates, or null. Without a destructor, so
    /// that an allocator can use it, also while the thread ends.
    static CURRENT: Cell<*const Book> = const { Cell::new(ptr::null()) };
}

impl Account {
    /// An empty account, which is counted in `books` until all of its blocks are freed.
    pub(crate) fn open(limit: usize, books: &Arc<AtomicUsize>) -> Self {
        let book = uncharged(|| {
            Box::new(Book {
                local: Cell::new(0),
                shared: AtomicIsize::new(OPEN),
                limit: isize::try_from(limit).unwrap_or(isize::MAX),
                until_look: Cell::new(BLOCKS_PER_LOOK),
                books: Arc::clone(books),
            })
        });
        books.fetch_add(1, Ordering::Relaxed);
        let book = NonNull::from(Box::leak(book));
        Self { book, other: Cell::new(book.as_ptr()) }
    }

    /// Calls `f`, in which the script goes on, and charges what is allocated meanwhile.
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
        self.other.set(CURRENT.replace(self.other.get()));
    }

    /// How many bytes the script holds.
    pub(crate) fn bytes(&self) -> usize {
        usize::try_from(self.book().balance()).unwrap_or(0)
    }

    /// Whether that is more than it may.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.book().balance() > self.book().limit
    }

    fn book(&self) -> &Book {
        // SAFETY: the book lives until its handle has closed it, which is when `self` is dropped.
        unsafe { self.book.as_ref() }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if ptr::eq(CURRENT.get(), self.book.as_ptr()) {
            CURRENT.set(ptr::null());
        }
        let close = self.book().local.get() - OPEN;
        // SAFETY: the book is alive, since nobody frees it while it is open; and this handle, which
        // is gone with this call, is what kept it open.
        unsafe { Book::add(self.book.as_ptr(), close) };
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

/// Calls `f`, and charges nobody for what it allocates: things that are the lane's, or everybody's.
/// `f` may wait.
pub(crate) fn uncharged<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(*const Book);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(ptr::null()));
    f()
}

impl Book {
    /// Charges a new block to the current account. What its header has to name.
    pub(super) fn charge(bytes: usize) -> *const Self {
        let bytes = bytes.wrapping_add(PER_BLOCK);
        let current = CURRENT.get();
        // SAFETY: a book is current only while a handle lives that made it so: `swap` is called in
        // pairs, and a handle that is dropped takes its book out.
        if let Some(book) = unsafe { current.as_ref() } {
            // No allocation is longer than `isize::MAX`, nor are all of them together.
            book.local.set(book.local.get().wrapping_add_unsigned(bytes));
            book.count_block();
            if book.local.get() > book.limit {
                book.note_overdrawn();
            }
        }
        current
    }

    /// Credits a block to the account that its header names.
    ///
    /// # Safety
    /// `book` is what [`charge`](Self::charge) returned for this block, which is credited once, with
    /// as many bytes.
    pub(super) unsafe fn credit(book: *const Self, bytes: usize) {
        if book.is_null() {
            return;
        }
        let bytes = bytes.wrapping_add(PER_BLOCK);
        if ptr::eq(book, CURRENT.get()) {
            // SAFETY: the block that is freed just now kept the book alive.
            let book = unsafe { &*book };
            book.local.set(book.local.get().wrapping_sub_unsigned(bytes));
            book.count_block();
            return;
        }
        // SAFETY: the same; and it is of no use to the caller after this.
        unsafe { Self::add(book, 0_isize.wrapping_sub_unsigned(bytes)) };
    }

    /// Adds to the shared sum, and frees the book if nothing is left.
    ///
    /// # Safety
    /// The book is alive, and what the caller takes away is what gave it the right to use it.
    unsafe fn add(book: *const Self, bytes: isize) {
        // SAFETY: as said above.
        let shared = unsafe { &(*book).shared };
        // As in `Arc`: all that others did with the book comes before its end.
        if shared.fetch_add(bytes, Ordering::Release).wrapping_add(bytes) == 0 {
            fence(Ordering::Acquire);
            // SAFETY: it was made from a box in `open`. It is closed and no block is left that names
            // it, so nobody else will use it.
            drop(unsafe { Box::from_raw(book.cast_mut()) });
        }
    }

    /// How many bytes are in use. Asked on its own thread, while it is open.
    fn balance(&self) -> isize {
        self.local.get() + (self.shared.load(Ordering::Relaxed) - OPEN)
    }

    /// Counts a block that is made or freed, which is what copying and dropping values takes.
    fn count_block(&self) {
        match self.until_look.get() {
            0 => self.end_blocks(),
            left => self.until_look.set(left - 1),
        }
    }

    #[cold]
    fn end_blocks(&self) {
        self.until_look.set(BLOCKS_PER_LOOK);
        look_next();
    }

    /// Lets the next operation of the script look at its account.
    #[cold]
    fn note_overdrawn(&self) {
        let freed = OPEN - self.shared.load(Ordering::Relaxed);
        self.shared.fetch_add(freed, Ordering::Relaxed);
        self.local.set(self.local.get() - freed);
        if self.local.get() > self.limit {
            look_next();
        }
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.books.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(bytes: usize) -> (*const Book, usize) {
        (Book::charge(bytes), bytes)
    }

    fn credit((book, bytes): (*const Book, usize)) {
        // SAFETY: only what `charge` returned is passed, once.
        unsafe { Book::credit(book, bytes) };
    }

    #[test]
    fn blocks_are_charged_to_whom_they_were_made_for() {
        let books = Arc::default();
        let (one, two) = (Account::open(1000, &books), Account::open(1000, &books));
        one.swap();
        let of_one = charge(600);
        let of_nobody = uncharged(|| charge(50));
        one.swap();
        two.swap();
        let of_two = charge(7);
        credit(of_one);
        credit(of_nobody);
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
    fn blocks_that_are_made_and_freed_bring_the_next_look_nearer() {
        let account = Account::open(usize::MAX, &Arc::default());
        account.swap();
        for _ in 0..BLOCKS_PER_LOOK / 2 {
            credit(charge(10));
        }
        assert_eq!(account.book().until_look.get(), 0);
        let block = charge(10);
        assert_eq!(account.book().until_look.get(), BLOCKS_PER_LOOK);
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
