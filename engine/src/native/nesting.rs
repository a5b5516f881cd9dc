use rhai::Dynamic;

use crate::script::{Halt, Part, Walk};

/// The deepest nesting of an argument, as for results. It will be dropped on a thread's own stack,
/// which is too small for deep values.
const MAX_DEPTH: usize = 127;
/// The most values within an argument. Values that share their parts can have far more than their
/// size tells.
const MAX_VALUES: usize = 100_000;

/// Refuses a value that is nested too deep to leave the script's fiber, or that contains itself.
pub(crate) fn check_nesting(value: &Dynamic) -> Result<(), String> {
    if value.is_int() || value.is_string() {
        return Ok(());
    }
    check(&Walk::new(MAX_DEPTH, MAX_VALUES), value).map_err(|problem| match problem {
        Problem::TooDeep => format!("it is nested more than {MAX_DEPTH} levels deep"),
        Problem::Cycle => "it contains itself".to_owned(),
        Problem::Halted(Halt::TooMany) => format!("it has more than {MAX_VALUES} values in it"),
        Problem::Halted(halt) => halt.to_string(),
    })
}

fn check(walk: &Walk, value: &Dynamic) -> Result<(), Problem> {
    walk.visit(value, |part| match part {
        Part::Array(array) => array.iter().try_for_each(|value| check(walk, value)),
        Part::Map(map) => map.values().try_for_each(|value| check(walk, value)),
        Part::Function(function) => function.iter_curry().try_for_each(|value| check(walk, value)),
        Part::TooDeep => Err(Problem::TooDeep),
        Part::Cycle => Err(Problem::Cycle),
        _ => Ok(()),
    })
}

enum Problem {
    TooDeep,
    Cycle,
    Halted(Halt),
}

impl From<Halt> for Problem {
    fn from(halt: Halt) -> Self {
        Self::Halted(halt)
    }
}
