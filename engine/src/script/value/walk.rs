use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

use rhai::{Array, Blob, Dynamic, EvalAltResult, FLOAT, FnPtr, INT, ImmutableString, Map, Position};

use crate::script::run::on_progress;
use crate::secret::Secret;

/// One pass over a value and all that is in it.
///
/// - Each value that is met counts, as often as it is met, and yields to other scripts if it is time.
/// - What captured variables hold is part of a value. One that is met within itself is [`Part::Cycle`].
/// - A container below the deepest level is [`Part::TooDeep`], and what is in it is not visited.
///
/// The recursion is that of the callers, who visit the parts of a part. So `max_depth` bounds it.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Containers around the current value, itself included.
    depth: Cell<usize>,
    /// How many there may be.
    max_depth: usize,
    /// Values that may still be met.
    left: Cell<usize>,
    /// Whether it yields to other scripts meanwhile.
    yields: bool,
    /// The addresses of the captured variables around the current value.
    open: RefCell<HashSet<usize>>,
}

/// A value, as it is met.
#[derive(Debug)]
pub(crate) enum Part<'a> {
    Unit,
    Bool(bool),
    Int(INT),
    Float(FLOAT),
    Char(char),
    Text(&'a ImmutableString),
    Blob(&'a Blob),
    Array(&'a Array),
    Map(&'a Map),
    Function(&'a FnPtr),
    Secret,
    /// Any other, which has no parts that are known.
    Other(&'a Dynamic),
    /// A captured variable that is around this value already, or that is being changed just now.
    Cycle,
    /// A container deeper than allowed.
    TooDeep,
}

/// Why a walk ends early.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It met as many values as it may.
    TooMany,
    /// The script has to end.
    Ended(Dynamic),
}

impl Walk {
    /// One that goes `max_depth` containers deep, and meets at most `max_values`.
    pub(crate) fn new(max_depth: usize, max_values: usize) -> Self {
        Self {
            depth: Cell::new(0),
            max_depth,
            left: Cell::new(max_values),
            yields: true,
            open: RefCell::default(),
        }
    }

    /// The same, but it takes no notice of the time, nor of a reason to end the script: for short ones.
    pub(crate) fn at_once(mut self) -> Self {
        self.yields = false;
        self
    }

    /// Calls `f` with what `value` is.
    ///
    /// # Errors
    /// What `f` answers, and a [`Halt`].
    pub(crate) fn visit<R, E: From<Halt>>(
        &self,
        value: &Dynamic,
        f: impl FnOnce(Part<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.count(1)?;
        if !value.is_shared() {
            return self.inside(value, f);
        }
        let Some(variable) = value.read_lock::<Dynamic>() else { return f(Part::Cycle) };
        let address = std::ptr::from_ref(&*variable).addr();
        if !self.open.borrow_mut().insert(address) {
            return f(Part::Cycle);
        }
        let result = if variable.is_shared() { self.visit(&variable, f) } else { self.inside(&variable, f) };
        self.open.borrow_mut().remove(&address);
        result
    }

    /// Counts values that are passed without a visit, and yields to other scripts if it is time.
    ///
    /// # Errors
    /// A [`Halt`].
    pub(crate) fn count(&self, values: usize) -> Result<(), Halt> {
        self.left.set(self.left.get().checked_sub(values).ok_or(Halt::TooMany)?);
        match self.yields.then(on_progress).flatten() {
            Some(token) => Err(Halt::Ended(token)),
            None => Ok(()),
        }
    }

    /// How many values may still be met.
    pub(crate) const fn left(&self) -> usize {
        self.left.get()
    }

    /// Calls `f` with what `value` is, which is not a captured variable.
    fn inside<R, E>(&self, value: &Dynamic, f: impl FnOnce(Part<'_>) -> Result<R, E>) -> Result<R, E> {
        if let Ok(int) = value.as_int() {
            return f(Part::Int(int));
        }
        if let Some(text) = value.read_lock::<ImmutableString>() {
            return f(Part::Text(&text));
        }
        if let Some(array) = value.read_lock::<Array>() {
            return self.container(Part::Array(&array), f);
        }
        if let Some(map) = value.read_lock::<Map>() {
            return self.container(Part::Map(&map), f);
        }
        if let Some(function) = value.read_lock::<FnPtr>() {
            return match function.is_curried() {
                true => self.container(Part::Function(&function), f),
                false => f(Part::Function(&function)),
            };
        }
        if let Some(blob) = value.read_lock::<Blob>() {
            return f(Part::Blob(&blob));
        }
        let part = if value.is_unit() {
            Part::Unit
        } else if let Ok(bool) = value.as_bool() {
            Part::Bool(bool)
        } else if let Ok(float) = value.as_float() {
            Part::Float(float)
        } else if let Ok(char) = value.as_char() {
            Part::Char(char)
        } else if value.is::<Secret>() {
            Part::Secret
        } else {
            Part::Other(value)
        };
        f(part)
    }

    fn container<R, E>(&self, part: Part<'_>, f: impl FnOnce(Part<'_>) -> Result<R, E>) -> Result<R, E> {
        if self.depth.get() >= self.max_depth {
            return f(Part::TooDeep);
        }
        self.depth.update(|depth| depth + 1);
        let result = f(part);
        self.depth.update(|depth| depth - 1);
        result
    }
}

impl From<Halt> for Box<EvalAltResult> {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::TooMany => "the value has too many values in it".into(),
            Halt::Ended(token) => EvalAltResult::ErrorTerminated(token, Position::NONE).into(),
        }
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "it has too many values in it",
            Self::Ended(_) => "the script has to end",
        })
    }
}
