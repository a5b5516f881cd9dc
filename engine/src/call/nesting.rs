use rhai::{Dynamic, FnPtr};

/// The deepest nesting of an argument, as for results. It will be dropped on a thread's own stack,
/// which is no place for deep values.
const MAX_DEPTH: usize = 127;
/// The most values within an argument. Values that share their parts can have far more than their
/// size tells.
const MAX_VALUES: usize = 100_000;

/// Refuses a value that is nested too deep to leave the script's fiber.
pub(crate) fn check_nesting(value: &Dynamic) -> Result<(), String> {
    if value.is_int() || value.is_string() {
        return Ok(());
    }
    let mut left = MAX_VALUES;
    visit(value, 0, &mut left)
}

fn visit(value: &Dynamic, depth: usize, left: &mut usize) -> Result<(), String> {
    *left = left.checked_sub(1).ok_or_else(|| format!("it has more than {MAX_VALUES} values in it"))?;
    let mut children = |mut values: &mut dyn Iterator<Item = &Dynamic>| {
        if depth >= MAX_DEPTH {
            return Err(format!("it is nested more than {MAX_DEPTH} levels deep"));
        }
        Iterator::try_for_each(&mut values, |value| visit(value, depth + 1, left))
    };
    if let Ok(array) = value.as_array_ref() {
        return children(&mut array.iter());
    }
    if let Ok(map) = value.as_map_ref() {
        return children(&mut map.values());
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        return children(&mut function.iter_curry());
    }
    Ok(())
}
