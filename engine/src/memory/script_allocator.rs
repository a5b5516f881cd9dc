use std::alloc::{GlobalAlloc, Layout};
use std::ptr;

use super::book::Book;

/// An allocator that knows which script holds how much memory, so that
/// [`ScriptLimits::max_memory`](crate::ScriptLimits::max_memory) is enforced.
///
/// It wraps any other, and is for the whole program:
///
/// ```
/// use std::alloc::System;
///
/// use rhai_dispatcher_engine::ScriptAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: ScriptAllocator<System> = ScriptAllocator::new(System);
/// ```
///
/// A block is charged to the script that allocated it, or that resized it last, until it is freed, on
/// whichever thread. That takes eight bytes more for each block of the program, and as many as its alignment
/// for one that is aligned to more. Each block is charged 256 bytes beside its own size, for the time that copying
/// and freeing it takes.
#[derive(Debug, Default)]
pub struct ScriptAllocator<A> {
    inner: A,
}

impl<A> ScriptAllocator<A> {
    /// Counts what is allocated with `inner`.
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

/// What lies right before each block.
type Header = *const Book;

/// How far before the block its memory begins, and the layout of all of it.
fn whole(layout: Layout) -> Option<(usize, Layout)> {
    // Of the block's own alignment, so that the block after it is aligned.
    let offset = layout.align().max(size_of::<Header>());
    let size = layout.size().checked_add(offset)?;
    Some((offset, Layout::from_size_align(size, offset).ok()?))
}

/// # Safety
/// `layout` is the one of a block that exists, so that [`whole`] was possible.
unsafe fn whole_of_block(layout: Layout) -> (usize, Layout) {
    let offset = layout.align().max(size_of::<Header>());
    // SAFETY: these numbers passed the checks of `whole` when the block was made.
    (offset, unsafe { Layout::from_size_align_unchecked(layout.size() + offset, offset) })
}

/// Makes a block of `memory`: writes its header.
///
/// # Safety
/// `memory` is null, or begins a fresh allocation of the layout that [`whole`] told, with `offset`.
unsafe fn block(memory: *mut u8, offset: usize, whole: Layout) -> *mut u8 {
    if memory.is_null() {
        return memory;
    }
    // SAFETY: the allocation is longer than `offset`, and aligned to it; so there is room for a
    // header, aligned, right below the block.
    unsafe {
        let block = memory.add(offset);
        block.cast::<Header>().sub(1).write(Book::charge(whole.size()));
        block
    }
}

// SAFETY: blocks are those of `inner`, less what comes before them: of the size and alignment asked
// for, and not shared. Nothing here panics.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ScriptAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((offset, whole)) = whole(layout) else { return ptr::null_mut() };
        // SAFETY: the layout is not empty, and the memory is as `block` wants it.
        unsafe { block(self.inner.alloc(whole), offset, whole) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some((offset, whole)) = whole(layout) else { return ptr::null_mut() };
        // SAFETY: as in `alloc`. The header is not part of the block.
        unsafe { block(self.inner.alloc_zeroed(whole), offset, whole) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of ours with its layout. Its header is read before
        // the memory goes.
        unsafe {
            let (offset, whole) = whole_of_block(layout);
            let header = block.cast::<Header>().sub(1).read();
            self.inner.dealloc(block.sub(offset), whole);
            Book::credit(header, whole.size());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Strings of Rhai resize themselves to what they have at each character that is pushed.
        if new_size == layout.size() {
            return block;
        }
        // SAFETY: a block of ours with its layout; the sum is checked, and the alignment is the same.
        // If `inner` has no memory, the old block and its header stay as they were. If it has, the
        // header came along, and names the account that the old size was charged to; from now on the
        // block belongs to the script that resized it, so that no script grows the block of another.
        unsafe {
            let (offset, old) = whole_of_block(layout);
            let Some(size) = new_size.checked_add(offset) else { return ptr::null_mut() };
            if size > isize::MAX as usize - (offset - 1) {
                return ptr::null_mut();
            }
            let memory = self.inner.realloc(block.sub(offset), old, size);
            if memory.is_null() {
                return memory;
            }
            let block = memory.add(offset);
            let header = block.cast::<Header>().sub(1);
            let before = header.read();
            header.write(Book::charge(size));
            Book::credit(before, old.size());
            block
        }
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    /// Has no memory for a resize.
    struct Full;

    // SAFETY: the blocks are those of the system.
    unsafe impl GlobalAlloc for Full {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's layout is passed on.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: as in `alloc`.
            unsafe { System.dealloc(block, layout) }
        }

        unsafe fn realloc(&self, _: *mut u8, _: Layout, _: usize) -> *mut u8 {
            ptr::null_mut()
        }
    }

    #[test]
    fn resize_to_the_same_size_keeps_the_block() {
        let allocator = ScriptAllocator::new(Full);
        let layout = Layout::array::<u8>(100).expect("it is small");
        // SAFETY: the layout is not empty, and the block is given back with it, once.
        let (block, same, larger) = unsafe {
            let block = allocator.alloc(layout);
            let (same, larger) =
                (allocator.realloc(block, layout, 100), allocator.realloc(block, layout, 101));
            allocator.dealloc(block, layout);
            (block, same, larger)
        };
        assert_eq!(same, block);
        assert!(larger.is_null());
    }
}
