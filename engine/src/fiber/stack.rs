use std::io;
use std::ptr::{self, NonNull};
use std::sync::LazyLock;

use corosensei::stack::{MIN_STACK_SIZE, Stack, StackPointer};

/// The size of a page of memory.
static PAGE: LazyLock<usize> = LazyLock::new(|| {
    // SAFETY: sysconf reads a constant of the system and has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
});

/// A mapping that one fiber uses as its stack, with a guard page below it.
///
/// It reserves address space only. The system adds a page when it is first touched, and takes
/// back what [`trim`](Self::trim) names.
#[derive(Debug)]
pub(crate) struct FiberStack {
    /// The lowest address of the mapping, which is the guard page's.
    start: NonNull<u8>,
    /// The length of the mapping, with the guard page.
    len: usize,
}

// SAFETY: the mapping belongs to this value alone, and nothing of it depends on a thread.
unsafe impl Send for FiberStack {}
// SAFETY: through a shared reference only the addresses can be read.
unsafe impl Sync for FiberStack {}

impl FiberStack {
    /// Maps a stack of at least `size` bytes.
    pub(crate) fn map(size: usize) -> io::Result<Self> {
        let page = *PAGE;
        let len = size
            .max(MIN_STACK_SIZE)
            .checked_next_multiple_of(page)
            .and_then(|size| size.checked_add(page))
            .ok_or(io::ErrorKind::InvalidInput)?;

        // Reserved without a claim on swap: nearly all of it is never touched. MAP_STACK and
        // MADV_NOHUGEPAGE keep the system from backing the few pages in use with 2 MiB each.
        // SAFETY: a new anonymous mapping at an address of the system's choice disturbs none.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | MAP_EXTRA,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // From here on the mapping is unmapped when this value is dropped.
        let stack = Self { start: NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?, len };

        // SAFETY: the first page lies within the mapping just made, and is not in use yet.
        if unsafe { libc::mprotect(start, page, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        #[cfg(target_os = "linux")]
        // SAFETY: the range is our mapping; the advice changes how it is backed, not its
        // contents. A kernel without huge pages answers EINVAL, which is just as well.
        unsafe {
            libc::madvise(start, len, libc::MADV_NOHUGEPAGE);
        }
        Ok(stack)
    }

    /// The highest address, from which the stack grows down.
    pub(crate) fn top(&self) -> usize {
        self.start.as_ptr() as usize + self.len
    }

    /// The lowest address that may be used.
    pub(crate) fn bottom(&self) -> usize {
        self.start.as_ptr() as usize + *PAGE
    }

    /// Gives the memory of all pages back but those of the top `kept` bytes.
    ///
    /// Takes `&mut self`, which does not exist while a coroutine owns the stack: so nothing on it is
    /// in use.
    pub(crate) fn trim(&mut self, kept: usize) {
        let page = *PAGE;
        let kept = kept.div_ceil(page).saturating_mul(page);
        let usable = self.len - page;
        let Some(freed) = usable.checked_sub(kept).filter(|freed| *freed > 0) else { return };
        // SAFETY: the range starts above the guard page, is page-aligned, and ends within the
        // mapping. Its contents are dead, since no coroutine owns the stack, and read as zero
        // from here on. Failure leaves them as they were.
        unsafe {
            libc::madvise(self.start.as_ptr().add(page).cast(), freed, libc::MADV_DONTNEED);
        }
    }
}

#[cfg(test)]
impl FiberStack {
    /// How many bytes are backed by memory.
    pub(crate) fn resident(&self) -> usize {
        let mut pages = vec![0_u8; self.len / *PAGE];
        // SAFETY: the range is our mapping, and `pages` has a byte for each page of it.
        let asked = unsafe { libc::mincore(self.start.as_ptr().cast(), self.len, pages.as_mut_ptr()) };
        assert_eq!(asked, 0, "mincore of our own mapping");
        pages.iter().filter(|page| **page & 1 == 1).count() * *PAGE
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const MAP_EXTRA: libc::c_int = libc::MAP_NORESERVE | libc::MAP_STACK;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const MAP_EXTRA: libc::c_int = libc::MAP_NORESERVE;

impl Drop for FiberStack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and corosensei drops a stack only when its coroutine has
        // ended or was unwound, so nothing refers into it.
        let unmapped = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert_eq!(unmapped, 0, "a stack is unmapped whole");
    }
}

// SAFETY: the mapping is readable and writable from `bottom` to `top`, at least MIN_STACK_SIZE
// bytes, with an inaccessible page below, which `limit` includes. Both ends are page-aligned.
unsafe impl Stack for FiberStack {
    fn base(&self) -> StackPointer {
        // SAFETY: `start` is not null and the mapping does not wrap round, so its end is not 0.
        unsafe { StackPointer::new_unchecked(self.top()) }
    }

    fn limit(&self) -> StackPointer {
        self.start.addr()
    }
}
