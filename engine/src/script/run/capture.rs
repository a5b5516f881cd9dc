use rhai::{Dynamic, EvalContext, Locked, Shared};

use super::script_run::ScriptRun;
use crate::metering::Budget;

/// Notes the variable that is used just now, if a closure has captured it. Called before its value is read.
pub(crate) fn note_captured(name: &str, index: usize, context: &mut EvalContext<'_, '_, '_, '_, '_, '_>) {
    if !Budget::has_closures() {
        return;
    }
    let scope = context.scope();
    // The parser knows how far from the end the variable is, or has 0 for it.
    let value = match index.checked_sub(1) {
        Some(before) => scope.iter_raw().nth(before).map(|(_, _, value)| value),
        None => scope.get(name),
    };
    let Some(value) = value.filter(|value| value.is_shared()) else { return };
    let Some(address) = address(value) else { return };
    let is_known = |run: &ScriptRun| run.captured().contains(address);
    if ScriptRun::with_current(is_known).unwrap_or(true) {
        return;
    }
    // A constant can't be changed so that it holds itself. A circle of several cells has one that is not a constant.
    let Some(variable) = context.scope_mut().get_mut(name) else { return };
    // Rhai gives no weak reference to a cell of its own. It has made this one just now, for a closure that has not
    // got it yet: so the value moves to a cell of ours.
    let cell = Shared::new(Locked::new(variable.take().flatten()));
    *variable = Dynamic::from(Shared::clone(&cell));
    if let Some(address) = self::address(variable) {
        ScriptRun::with_current(|run| run.captured().note(address, &cell));
    }
}

/// The address of the value of a captured variable; `None` while it is being changed.
fn address(variable: &Dynamic) -> Option<usize> {
    Some(std::ptr::from_ref(&*variable.read_lock::<Dynamic>()?).addr())
}
