use std::cell::Cell;
use std::ptr;

use postcard::de_flavors::{Flavor, Slice};
use postcard::{Error, Result};

/// The bytes of a value, which end when reading them has taken [`MAX_STACK`] of the thread's stack.
///
/// A value of a type that contains itself nests as deep as its sender wants, and is read by recursion: without a bound
/// the sender could end the process.
pub(super) struct ShallowBytes<'de> {
    bytes: Slice<'de>,
    /// Where the stack was before the first byte.
    begin: usize,
    is_too_deep: &'de Cell<bool>,
}

/// The most stack for reading one value, in bytes: a quarter of what Rust gives a thread.
pub(super) const MAX_STACK: usize = 512 * 1024;

impl<'de> ShallowBytes<'de> {
    /// Sets `is_too_deep` if the value nests too deep.
    pub(super) fn new(bytes: &'de [u8], is_too_deep: &'de Cell<bool>) -> Self {
        Self { bytes: Slice::new(bytes), begin: stack_position(), is_too_deep }
    }

    fn check(&self) -> Result<()> {
        if stack_position().abs_diff(self.begin) <= MAX_STACK {
            return Ok(());
        }
        self.is_too_deep.set(true);
        Err(Error::DeserializeUnexpectedEnd)
    }
}

impl<'de> Flavor<'de> for ShallowBytes<'de> {
    type Remainder = &'de [u8];
    type Source = &'de [u8];

    fn pop(&mut self) -> Result<u8> {
        self.check()?;
        self.bytes.pop()
    }

    fn size_hint(&self) -> Option<usize> {
        self.bytes.size_hint()
    }

    fn try_take_n(&mut self, count: usize) -> Result<&'de [u8]> {
        self.bytes.try_take_n(count)
    }

    fn finalize(self) -> Result<&'de [u8]> {
        self.bytes.finalize()
    }
}

/// The address of something on the stack of this thread.
#[inline(never)]
fn stack_position() -> usize {
    let here = 0_u8;
    ptr::from_ref(std::hint::black_box(&here)).addr()
}
