use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering, fence};

use crate::metering::Budget;

/// The sums of one account. Headers of blocks name it.
pub(super) struct Book {
    /// Bytes charged less bytes freed while it was current.
    local: Cell<isize>,
    /// [`OPEN`] until the handle is gone, less the bytes freed while it was not current; after that,
    /// the bytes that are still in use.
    shared: AtomicIsize,
    /// How many bytes the script may hold.
    limit: isize,
    /// Blocks that are still made or freed before the next operation is checked.
    until_check: Cell<u32>,
    /// The number of books that exist, which this one is part of.
    books: Arc<AtomicUsize>,
}

/// More than could ever be freed, so that `shared` is not zero before the handle is gone.
const OPEN: isize = 1 << (isize::BITS - 2);

/// Blocks that are made and freed from one check to the next. They take 0.1 to 0.4 ms, of a slice of 1 ms. So a script
/// yields between two operations that copy or drop a large value each, however late the epoch is.
pub(super) const BLOCKS_PER_CHECK: u32 = 4096;

/// What a block is charged beside its size, in bytes: for the time that it takes.
///
/// Rhai copies and drops a value in one step, in which the script can't yield: 25 to 130 ns for each block of a copy, and
/// 20 to 70 ns for each that is dropped. A million small blocks fit into 64 MiB, and would hold the lane for 100 ms;
/// with this, there are 220,000 of them at most.
pub(super) const PER_BLOCK: usize = 256;

thread_local! {
    /// The book to which this thread charges what it allocates, or null. Without a destructor, so
    /// that an allocator can use it, also while the thread ends.
    static CURRENT: Cell<*const Book> = const { Cell::new(ptr::null()) };
}

/// Calls `f`, and charges what it allocates to no script: things that belong to the lane, or to all lanes.
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
    /// An empty book, which is counted in `books` until it is closed and all of its blocks are freed.
    pub(super) fn open(limit: usize, books: &Arc<AtomicUsize>) -> NonNull<Self> {
        let book = uncharged(|| {
            Box::new(Self {
                local: Cell::new(0),
                shared: AtomicIsize::new(OPEN),
                limit: isize::try_from(limit).unwrap_or(isize::MAX),
                until_check: Cell::new(BLOCKS_PER_CHECK),
                books: Arc::clone(books),
            })
        });
        books.fetch_add(1, Ordering::Relaxed);
        NonNull::from(Box::leak(book))
    }

    /// Closes a book, which is freed with its last block.
    ///
    /// # Safety
    /// `book` comes from [`open`](Self::open), and is not used by the caller from now on.
    pub(super) unsafe fn close(book: NonNull<Self>) {
        if ptr::eq(CURRENT.get(), book.as_ptr()) {
            CURRENT.set(ptr::null());
        }
        // SAFETY: an open book is not freed, so it is alive.
        let close = unsafe { book.as_ref() }.local.get() - OPEN;
        // SAFETY: the same; and what kept it open ends with this call.
        unsafe { Self::add(book.as_ptr(), close) };
    }

    /// Makes `book` the current one of the thread, and returns the one before.
    ///
    /// # Safety
    /// `book` is null, or stays alive until another one is current or it is closed.
    pub(super) unsafe fn replace_current(book: *const Self) -> *const Self {
        CURRENT.replace(book)
    }

    /// Charges a new block to the current account. What its header has to name.
    pub(super) fn charge(bytes: usize) -> *const Self {
        let bytes = bytes.wrapping_add(PER_BLOCK);
        let current = CURRENT.get();
        // SAFETY: `replace_current` makes current only what is alive, and a book that is closed is
        // not current any more.
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
            // it, so this is its last use.
            drop(unsafe { Box::from_raw(book.cast_mut()) });
        }
    }

    /// How many bytes are in use. Asked on its own thread, while it is open.
    pub(super) fn balance(&self) -> isize {
        self.local.get() + (self.shared.load(Ordering::Relaxed) - OPEN)
    }

    /// Whether more is in use than the script may hold.
    pub(super) fn is_overdrawn(&self) -> bool {
        self.balance() > self.limit
    }

    /// Blocks that are still made or freed before the next operation is checked.
    #[cfg(test)]
    pub(super) fn until_check(&self) -> u32 {
        self.until_check.get()
    }

    /// Counts a block that is made or freed, which is what copying and dropping values takes.
    fn count_block(&self) {
        match self.until_check.get() {
            0 => self.end_blocks(),
            left => self.until_check.set(left - 1),
        }
    }

    #[cold]
    fn end_blocks(&self) {
        self.until_check.set(BLOCKS_PER_CHECK);
        Budget::request_check();
    }

    /// Lets the next operation of the script check its account.
    #[cold]
    fn note_overdrawn(&self) {
        let freed = OPEN - self.shared.load(Ordering::Relaxed);
        self.shared.fetch_add(freed, Ordering::Relaxed);
        self.local.set(self.local.get() - freed);
        if self.local.get() > self.limit {
            Budget::request_check();
        }
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.books.fetch_sub(1, Ordering::Release);
    }
}
