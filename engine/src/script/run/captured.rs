use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
#[cfg(not(feature = "sync"))]
use std::rc::Weak;
#[cfg(feature = "sync")]
use std::sync::Weak;

use rhai::{Dynamic, Locked, Shared};

/// The variables that closures of one run have captured.
///
/// Rhai puts such a variable into a cell, which the variable and the closures hold by count. Cells that hold each other,
/// as in `let a = 0; a = || a;`, would never be freed. So each is noted here, and emptied when the script has ended.
pub(crate) struct Captured {
    /// By the address of the cell's value. A cell that is gone keeps its address until it is struck off.
    cells: RefCell<HashMap<usize, Weak<Locked<Dynamic>>>>,
    /// How many there may be before those that are gone are struck off.
    sweep_at: Cell<usize>,
}

/// The fewest cells among which those that are gone are looked for.
const MIN_SWEEP: usize = 64;

impl Captured {
    pub(super) fn new() -> Self {
        Self { cells: RefCell::default(), sweep_at: Cell::new(MIN_SWEEP) }
    }

    /// Whether the captured variable with that address has been noted.
    pub(super) fn contains(&self, address: usize) -> bool {
        self.cells.borrow().contains_key(&address)
    }

    /// Notes a captured variable by its cell, and the address of its value.
    pub(super) fn note(&self, address: usize, cell: &Shared<Locked<Dynamic>>) {
        let mut cells = self.cells.borrow_mut();
        if cells.len() >= self.sweep_at.get() {
            cells.retain(|_, cell| cell.strong_count() > 0);
            // So each cell pays for looking at one or two.
            self.sweep_at.set(MIN_SWEEP.max(2 * cells.len()));
        }
        cells.insert(address, Shared::downgrade(cell));
    }

    /// Empties all cells, and returns what was in them. After that no value holds itself.
    pub(crate) fn empty(&self) -> Vec<Dynamic> {
        let cells = self.cells.take();
        let empty = |cell: &Weak<Locked<Dynamic>>| {
            let mut variable = Dynamic::from(cell.upgrade()?);
            // Nothing changes it any more, so it is not locked.
            variable.write_lock::<Dynamic>().map(|mut value| std::mem::take(&mut *value))
        };
        cells.values().filter_map(empty).collect()
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured").field("cells", &self.cells.borrow().len()).finish_non_exhaustive()
    }
}
