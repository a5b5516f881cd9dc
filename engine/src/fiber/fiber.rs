use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use corosensei::{Coroutine, CoroutineResult, Yielder};
use rhai_dispatcher_core::{Stop, StopToken};

use super::{FiberStack, StackPool, WaitError};
use crate::memory::uncharged;

/// A function that can be suspended in the middle, as a future.
///
/// It is ready with what the function returned, or with the message of the panic that ended it.
/// Dropping it early fires its stop token and resumes the function once more: every wait answers
/// [`WaitError::Stopped`], so the function ends in its own way and its destructors run. Only
/// code that manages to suspend nevertheless is unwound by force.
pub(crate) struct Fiber<T: 'static> {
    /// The function's stack and state; `None` once it has ended.
    coroutine: Option<Coroutine<(), (), Result<T, Panicked>, FiberStack>>,
    /// What the running function and its owner share.
    state: Rc<FiberState>,
    /// Where the stack goes in the end.
    pool: StackPool,
}

/// The message of a panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panicked(pub(crate) String);

/// What the running function and its owner share.
struct FiberState {
    /// How the function suspends itself: lies at the top of its stack from its start to its end.
    yielder: Cell<*const Yielder<(), ()>>,
    /// The waker of the poll under way; null when there is none.
    waker: Cell<*const Waker>,
    /// Fired when the function is to end.
    stop: StopToken,
    /// The lowest address of the stack that was seen in use.
    lowest: Cell<usize>,
}

thread_local! {
    /// The fiber that this thread runs now, or null. It is alive: the future that resumed it owns it.
    static CURRENT: Cell<*const FiberState> = const { Cell::new(ptr::null()) };
}

impl<T> Fiber<T> {
    /// A fiber that will run `body` on `stack`, which then goes to `pool`. `body` starts at the
    /// first poll.
    pub(crate) fn new(
        pool: &StackPool,
        stack: FiberStack,
        stop: StopToken,
        body: impl FnOnce() -> T + 'static,
    ) -> Self {
        let state = Rc::new(FiberState {
            yielder: Cell::new(ptr::null()),
            waker: Cell::new(ptr::null()),
            stop,
            lowest: Cell::new(stack.top()),
        });
        let of_body = Rc::clone(&state);
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            of_body.yielder.set(yielder);
            drop(of_body);
            panic::catch_unwind(AssertUnwindSafe(body)).map_err(Panicked::from)
        });
        Self { coroutine: Some(coroutine), state, pool: pool.clone() }
    }

    /// Runs the function until it suspends or ends.
    fn resume(&mut self, waker: &Waker) -> Poll<Result<T, Panicked>> {
        let coroutine = self.coroutine.as_mut().expect("a fiber is not polled after its end");
        let result = {
            let _running = Running::enter(&self.state, waker);
            coroutine.resume(())
        };
        match result {
            CoroutineResult::Yield(()) => Poll::Pending,
            CoroutineResult::Return(result) => {
                self.release();
                Poll::Ready(result)
            }
        }
    }

    /// Gives the stack back. The coroutine has ended.
    fn release(&mut self) {
        if let Some(coroutine) = self.coroutine.take() {
            // On the fiber's account still, and the pool is the lane's.
            uncharged(|| self.pool.put_back(coroutine.into_stack(), self.state.lowest.get()));
        }
    }
}

impl<T> Future for Fiber<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.resume(cx.waker())
    }
}

impl<T> Drop for Fiber<T> {
    fn drop(&mut self) {
        let Some(coroutine) = &self.coroutine else { return };
        if coroutine.started() {
            self.state.stop.stop(Stop::Drained);
            if self.resume(Waker::noop()).is_ready() {
                return;
            }
        }
        if let Some(coroutine) = &mut self.coroutine {
            // A body that never started is only dropped by this.
            coroutine.force_unwind();
        }
        self.release();
    }
}

impl<T> std::fmt::Debug for Fiber<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fiber").field("ended", &self.coroutine.is_none()).finish_non_exhaustive()
    }
}

/// Suspends the current fiber until `future` is ready.
///
/// # Errors
/// [`WaitError::Stopped`] at once when the fiber's stop token has fired, and as soon as it fires.
/// Where it is impossible to wait, the future is not polled.
pub(crate) fn wait<F: Future>(future: F) -> Result<F::Output, WaitError> {
    if std::thread::panicking() {
        return Err(WaitError::Panicking);
    }
    let current = CURRENT.get();
    if current.is_null() {
        return Err(WaitError::NotOnFiber);
    }
    // SAFETY: `CURRENT` is set only while `Fiber::resume` runs further down this thread, and
    // that fiber holds an `Rc<FiberState>`. It holds it until the coroutine has ended, and this very
    // call runs on the coroutine: so the reference is good until this function returns, however
    // often it suspends in between.
    let state = unsafe { &*current };

    state.note_lowest(stack_address());
    let mut future = pin!(future);
    loop {
        if let Some(stop) = state.stop.get() {
            return Err(WaitError::Stopped(stop));
        }
        {
            // SAFETY: the waker is the one of the `Fiber::resume` that runs this code now; it is
            // borrowed there until the fiber suspends. It can't suspend while this reference
            // lives: only this function does, and inside the block `CURRENT` is null.
            let waker = unsafe { &*state.waker.get() };
            let _detached = Detached::enter();
            let mut cx = Context::from_waker(waker);
            if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
                // What it is may come of the stop, which another thread has brought meanwhile.
                return state.stop.get().map_or(Ok(value), |stop| Err(WaitError::Stopped(stop)));
            }
            if let Poll::Ready(stop) = state.stop.poll_stopped(&mut cx) {
                return Err(WaitError::Stopped(stop));
            }
        }
        // SAFETY: the yielder lies at the top of the stack that this code runs on. It is this
        // coroutine's own: `CURRENT` named the innermost one that runs on this thread.
        unsafe { (*state.yielder.get()).suspend(()) };
    }
}

/// Calls `f` as if no fiber were current, so that `f` can't suspend the one that runs it.
pub(crate) fn off_fiber<T>(f: impl FnOnce() -> T) -> T {
    let _detached = Detached::enter();
    f()
}

/// Whether this thread runs the code of a fiber.
pub(crate) fn is_current() -> bool {
    !CURRENT.get().is_null()
}

/// Tells the current fiber, if there is one, how low its stack was seen in use.
pub(crate) fn note_lowest(address: usize) {
    // SAFETY: as in `wait`: what `CURRENT` names is alive, and here the reference ends at once.
    if let Some(state) = unsafe { CURRENT.get().as_ref() } {
        state.note_lowest(address);
    }
}

/// An address on the stack that is in use now.
pub(crate) fn stack_address() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}

impl FiberState {
    fn note_lowest(&self, address: usize) {
        self.lowest.set(self.lowest.get().min(address));
    }
}

/// While it lives, one fiber is current on this thread.
struct Running<'a> {
    state: &'a FiberState,
    previous: *const FiberState,
}

impl<'a> Running<'a> {
    fn enter(state: &'a FiberState, waker: &'a Waker) -> Self {
        state.waker.set(waker);
        Self { state, previous: CURRENT.replace(state) }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.previous);
        self.state.waker.set(ptr::null());
    }
}

/// While it lives, no fiber is current on this thread.
struct Detached {
    previous: *const FiberState,
}

impl Detached {
    fn enter() -> Self {
        Self { previous: CURRENT.replace(ptr::null()) }
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        CURRENT.set(self.previous);
    }
}

impl From<Box<dyn Any + Send>> for Panicked {
    fn from(payload: Box<dyn Any + Send>) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&str>() {
            (*text).to_owned()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.clone()
        } else {
            "a panic without a message".to_owned()
        };
        // The drop of a payload of another type may panic, too.
        if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        Self(message)
    }
}
