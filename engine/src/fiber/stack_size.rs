use rhai_dispatcher_core::Invalid;

/// The parts of a fiber's stack, in bytes.
///
/// Operations may use it down to a reserve, which is left to what no operation guards: Rust drops, copies and formats
/// values recursively. The deepest values are chains of closures, each holding the next in a captured variable. Such a
/// chain takes 232 bytes of memory for each closure, and dropping it 208 bytes of stack (416 without optimisation). So
/// what a script may hold says how much stack has to be left. The tests below measure it.
///
/// Values of other kinds take longer to nest the deeper they are, since they are copied for each level. And no value of
/// a function that runs gets much deeper than `MAX_NESTING`, which bounds them all at [`MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StackSize {
    /// All of it.
    pub(crate) total: usize,
    /// What operations leave.
    pub(crate) reserve: usize,
}

/// Bytes of stack that may be needed for each byte of memory that a script holds.
const STACK_PER_BYTE: usize = if cfg!(debug_assertions) { 2 } else { 1 };

/// What values need at most: those of 64 nested calls, each at the limit of depth.
const MOST: usize = 2 * 1024 * 1024 * 1024;

/// What is left at least; a quarter of the stack if that is less.
const RESERVE: usize = 64 * 1024 * 1024;

/// What operations have at least, in a stack that is not configured.
const OPERATIONS: usize = 192 * 1024 * 1024;

/// What operations need.
const MIN_OPERATIONS: usize = 2 * 1024 * 1024;

impl StackSize {
    /// The stack for scripts that may hold `max_memory` bytes, of `stack_size` bytes or, for 0, as large as that takes.
    ///
    /// # Errors
    /// If `stack_size` is set, and is too small for `max_memory`.
    pub(crate) fn of(stack_size: usize, max_memory: usize) -> Result<Self, Invalid> {
        let for_values = max_memory.saturating_mul(STACK_PER_BYTE).min(MOST);
        let total = match stack_size {
            0 => for_values.max(RESERVE).saturating_add(OPERATIONS),
            set => set,
        };
        let least = for_values.saturating_add(MIN_OPERATIONS);
        if total < least {
            return Err(Invalid::new(
                "stack_size",
                format!(
                    "of {total} bytes is too small for a max_memory of {max_memory} bytes: to drop values nested as deep \
                     as that allows takes up to {for_values} bytes of stack"
                ),
                format!(
                    "set stack_size to {least} or more, or to 0 to have it follow max_memory, or set max_memory to {} \
                     or less",
                    total.saturating_sub(MIN_OPERATIONS) / STACK_PER_BYTE
                ),
            ));
        }
        Ok(Self { total, reserve: for_values.max(RESERVE.min(total / 4)) })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rhai::{Dynamic, FnPtr, Map};

    use super::*;
    use crate::fiber::stack_address;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn stack_follows_memory() {
        let default = StackSize::of(0, 64 * MIB).expect("it fits");
        assert!(default.total >= 256 * MIB);
        let large = StackSize::of(0, 1024 * MIB).expect("it fits");
        assert_eq!(large.total - large.reserve, OPERATIONS);
        assert_eq!(large.reserve, 1024 * MIB * STACK_PER_BYTE);
    }

    #[test]
    fn stack_too_small_for_memory_is_refused_by_both_names() {
        let error = StackSize::of(128 * MIB, 192 * MIB).expect_err("it does not fit").to_string();
        assert!(error.contains("stack_size: of 134217728 bytes"), "{error}");
        assert!(error.contains("max_memory of 201326592 bytes"), "{error}");
        assert!(StackSize::of(128 * MIB, 128 * MIB / STACK_PER_BYTE - MIN_OPERATIONS).is_ok());
    }

    #[test]
    fn stack_ends_where_depth_does() {
        let size = StackSize::of(0, usize::MAX).expect("it fits");
        assert_eq!(size.reserve, MOST);
    }

    thread_local! {
        /// The lowest address of the stack that a probe has seen.
        static LOWEST: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// The innermost value.
    struct Probe;

    impl Drop for Probe {
        fn drop(&mut self) {
            LOWEST.set(LOWEST.get().min(stack_address()));
        }
    }

    impl Clone for Probe {
        fn clone(&self) -> Self {
            LOWEST.set(LOWEST.get().min(stack_address()));
            Self
        }
    }

    const LEVELS: usize = 200;

    /// What a level of values takes of the stack in `act`.
    fn stack_per_level<T>(act: impl FnOnce() -> T) -> usize {
        LOWEST.set(usize::MAX);
        let before = stack_address();
        let made = act();
        let used = before - LOWEST.get().min(before);
        std::mem::forget(made);
        used / LEVELS
    }

    fn nested(level: impl Fn(Dynamic) -> Dynamic) -> Dynamic {
        (0..LEVELS).fold(Dynamic::from(Probe), |inner, _| level(inner))
    }

    fn closure(captured: Dynamic) -> Dynamic {
        let mut function = FnPtr::new("f").expect("a name");
        function.add_curry(captured.into_shared());
        function.into()
    }

    #[test]
    fn dropping_a_closure_takes_no_more_stack_than_its_memory_stands_for() {
        // What a closure and the variable that it has captured take: 232 bytes by an allocator that counts.
        const MEMORY: usize = 232;
        let chain = nested(closure);
        let stack = stack_per_level(|| drop(chain));
        assert!(stack > 0 && stack <= MEMORY * STACK_PER_BYTE, "{stack}");
    }

    #[test]
    fn values_at_the_limit_of_depth_fit_into_the_least_reserve() {
        let map = |inner: Dynamic| Map::from_iter([("a".into(), inner)]).into();
        let kinds = [
            nested(|inner| vec![inner].into()),
            nested(map),
            nested(closure),
            nested(|inner| map(closure(inner))),
        ];
        for value in kinds {
            let clone = stack_per_level(|| value.clone());
            let drop = stack_per_level(|| drop(value));
            assert!(clone.max(drop) * crate::script::MAX_NESTING <= RESERVE, "{clone} {drop}");
        }
    }
}
