use rhai::{Array, Dynamic, Map, Scope};

use crate::script::run::yield_point;

/// Values that are dropped from one yield point to the next; they take some microseconds.
const AT_ONCE: usize = 128;

/// Drops all variables, and what those had in them that closures have `captured`. Yields to other scripts meanwhile: a
/// script can leave a million values behind, and Rust would drop them all at once.
pub(crate) fn dismantle(captured: Vec<Dynamic>, variables: Scope<'_>) {
    let mut left = captured;
    left.extend(variables.into_iter().map(|(_, value, _)| value));
    let mut dropped = 0;
    while let Some(value) = left.pop() {
        dropped += 1;
        if dropped % AT_ONCE == 0 {
            yield_point();
        }
        // What closures have captured is in `captured`.
        if value.is_shared() {
            continue;
        }
        if value.is_array() {
            left.extend(value.cast::<Array>().into_iter().filter(holds_others));
        } else if value.is_map() {
            left.extend(value.cast::<Map>().into_values().filter(holds_others));
        }
    }
}

fn holds_others(value: &Dynamic) -> bool {
    !value.is_shared() && (value.is_array() || value.is_map()) || value.is_fnptr()
}
