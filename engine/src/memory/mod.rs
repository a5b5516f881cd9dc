//! What the scripts of a lane hold of the heap, block by block.
//!
//! [`ScriptAllocator`] wraps the program's allocator and writes before each block whose it is: the
//! [`Account`] that was current on the thread. The account is told when the block is freed, wherever
//! and whenever that is. Without that allocator, accounts stay empty.
//!
//! Invariants that the unsafe code rests on:
//! - A block's header names an account that is alive, or none: an account is freed when its script
//!   has let go of it and all of its blocks are freed, whichever is last.
//! - `local` is touched only by the thread on which the account is current, and by its handle, which
//!   never leaves that thread.
//! - Nothing here allocates or panics while a block is made or freed.

#[allow(unsafe_code)]
mod account;
#[allow(unsafe_code)]
mod book;
#[allow(unsafe_code)]
mod script_allocator;

pub(crate) use account::Account;
pub(crate) use book::uncharged;
pub use script_allocator::ScriptAllocator;
