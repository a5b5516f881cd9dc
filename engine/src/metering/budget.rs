use std::cell::Cell;

use super::EpochTicker;

/// What a script may do before the next check.
///
/// Rhai reports every operation, and a script has millions a second. So the usual operation compares these numbers,
/// and reads neither the clock nor the stop token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Operations until the next check.
    pub(crate) operations: u32,
    /// The lowest address of the stack that an operation has used.
    pub(crate) lowest: usize,
    /// The epoch of the last check.
    pub(crate) epoch: u32,
    /// Uses of variables until the next check of their values.
    pub(super) uses: u32,
    /// Bytes of text that have been assigned to parts of values since that check.
    pub(super) text: usize,
    /// Whether the script may have closures, which capture variables.
    pub(super) closures: bool,
}

/// Uses of variables from one check of their values to the next. A use makes a value larger by another one, or
/// deeper by some levels.
const MIN_USES: u32 = 4 * 1024;
const MAX_USES: u32 = 64 * 1024;

thread_local! {
    /// The budget of the script that this thread runs now.
    static CURRENT: Cell<Budget> =
        const { Cell::new(Budget { operations: 0, lowest: usize::MAX, epoch: 0, uses: 0, text: 0, closures: false }) };
}

impl Budget {
    /// That of a script before its first operation. `lowest`: above that address the use of its stack does not matter.
    pub(super) fn new(operations: u32, lowest: usize) -> Self {
        Self { operations, lowest, epoch: EpochTicker::epoch(), uses: MIN_USES, text: 0, closures: false }
    }

    /// The budget of the script that this thread runs now.
    #[inline]
    pub(crate) fn current() -> Self {
        CURRENT.get()
    }

    /// Makes this the budget of the script that this thread runs now.
    #[inline]
    pub(crate) fn set_current(self) {
        CURRENT.set(self);
    }

    /// The same, and returns the one before.
    pub(super) fn replace_current(self) -> Self {
        CURRENT.replace(self)
    }

    /// Spends an operation that uses the stack at `address`. Returns false, and spends none, if a check is due.
    #[inline]
    pub(crate) fn spend_operation(address: usize) -> bool {
        let mut budget = CURRENT.get();
        if address < budget.lowest || budget.operations == 0 || budget.epoch != EpochTicker::epoch() {
            return false;
        }
        budget.operations -= 1;
        CURRENT.set(budget);
        true
    }

    /// Makes a check due at the next operation.
    pub(crate) fn request_check() {
        // As after an epoch, so that the operations are counted on.
        Self { epoch: EpochTicker::epoch().wrapping_sub(1), ..CURRENT.get() }.set_current();
    }

    /// Counts a use of a variable. Returns whether the values of variables are to be checked now.
    pub(crate) fn use_variable() -> bool {
        let budget = CURRENT.get();
        Self { uses: budget.uses.saturating_sub(1), ..budget }.set_current();
        budget.uses == 0
    }

    /// Lets variables be used about as often as there are `values` in them before the next check, so that each use pays
    /// for one of them.
    pub(crate) fn check_variables_after(values: usize) {
        let uses = u32::try_from(values).unwrap_or(MAX_USES).clamp(MIN_USES, MAX_USES);
        Self { uses, text: 0, ..CURRENT.get() }.set_current();
    }

    /// Notes that the script may have closures from now on.
    pub(crate) fn expect_closures() {
        Self { closures: true, ..CURRENT.get() }.set_current();
    }

    /// Whether the script may have closures.
    pub(crate) fn has_closures() -> bool {
        CURRENT.get().closures
    }

    /// Notes that a text has been assigned to a part of a value. Makes the next use of a variable check them if there is
    /// more of it than a string may have: `max` bytes, or 0 for no limit.
    pub(crate) fn assign_text(bytes: usize, max: usize) {
        let budget = CURRENT.get();
        let text = budget.text.saturating_add(bytes);
        let uses = if max > 0 && text > max { 0 } else { budget.uses };
        Self { uses, text, ..budget }.set_current();
    }
}
