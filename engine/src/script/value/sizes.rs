use std::collections::HashMap;

use rhai::{Dynamic, Engine, EvalAltResult, EvalContext};

use super::walk::{Halt, Part, Walk};
use crate::script::error::{LimitExceeded, NativeResult, Size, TooLarge};

/// The deepest nesting of values that a script can have: arrays, maps, and closures with what they captured.
///
/// Rhai drops and copies values recursively, so that depth is paid for with stack: see
/// [`StackSize`](crate::fiber::StackSize).
pub(crate) const MAX_NESTING: usize = 32 * 1024;

/// Checks the values that the script can change where it is now: whether they are as large, and as deep, as they
/// may be. How many values there are.
///
/// Rhai does that when a function has been called, and not when an index or a property is assigned.
///
/// # Errors
/// A value is too large or too deep. No `try` catches that.
pub(crate) fn check_variables(context: &EvalContext<'_, '_, '_, '_, '_, '_>) -> NativeResult<usize> {
    let limits = SizeLimits::of(context.engine());
    let walk = Walk::new(MAX_NESTING, usize::MAX);
    let mut check = Check { limits, walk: &walk, heights: HashMap::new() };
    for (_, _, value) in context.scope().iter_raw() {
        check.root(value)?;
    }
    if let Some(this) = context.this_ptr() {
        check.root(this)?;
    }
    Ok(usize::MAX - walk.left())
}

/// How many values a copy of `value` has: with those that function pointers have curried, which no limit of sizes
/// counts, and without what captured variables hold, which copies share.
///
/// # Errors
/// The script has to end.
pub(crate) fn copied_values(value: &Dynamic) -> Result<usize, Halt> {
    let walk = Walk::new(MAX_NESTING, usize::MAX);
    count_copied(&walk, value)?;
    Ok(usize::MAX - walk.left())
}

fn count_copied(walk: &Walk, value: &Dynamic) -> Result<(), Halt> {
    if value.is_shared() {
        return walk.count(1);
    }
    walk.visit(value, |part| match part {
        Part::Array(array) => array.iter().try_for_each(|value| count_copied(walk, value)),
        Part::Map(map) => map.values().try_for_each(|value| count_copied(walk, value)),
        Part::Function(function) => function.iter_curry().try_for_each(|value| count_copied(walk, value)),
        _ => Ok(()),
    })
}

struct Check<'a> {
    limits: SizeLimits,
    walk: &'a Walk,
    /// How deep the captured variables are that have been looked at, by their addresses. Each is looked at once,
    /// however many closures have captured it.
    heights: HashMap<usize, usize>,
}

enum Fault {
    TooLarge(TooLarge),
    TooDeep,
    Halted(Halt),
}

impl Check<'_> {
    /// Checks a value that no limit counts as a part of another.
    fn root(&mut self, value: &Dynamic) -> Result<usize, Fault> {
        if is_scalar(value) {
            return Ok(0);
        }
        let address = match value.is_shared() {
            true => value.read_lock::<Dynamic>().map(|variable| std::ptr::from_ref(&*variable).addr()),
            false => None,
        };
        if let Some(known) = address.and_then(|address| self.heights.get(&address)) {
            return Ok(*known);
        }
        let height = self.height(value, &mut Sizes::default())?;
        if let Some(address) = address {
            self.heights.insert(address, height);
        }
        Ok(height)
    }

    /// How deep it is.
    fn height(&mut self, value: &Dynamic, sizes: &mut Sizes) -> Result<usize, Fault> {
        let walk = self.walk;
        walk.visit(value, |part| {
            let inner = match part {
                Part::Text(text) => {
                    sizes.add_text(text.len());
                    0
                }
                Part::Blob(blob) => {
                    sizes.add_array(blob.len());
                    0
                }
                Part::Array(array) => {
                    sizes.add_array(array.len());
                    self.check(sizes)?;
                    self.highest(array, sizes)?
                }
                Part::Map(map) => {
                    sizes.add_map(map.len());
                    self.check(sizes)?;
                    self.highest(map.values(), sizes)?
                }
                Part::Function(function) => {
                    let mut highest = 0;
                    for captured in function.iter_curry() {
                        highest = highest.max(1 + self.root(captured)?);
                    }
                    highest
                }
                Part::TooDeep => return Err(Fault::TooDeep),
                _ => 0,
            };
            self.check(sizes)?;
            if inner > MAX_NESTING { Err(Fault::TooDeep) } else { Ok(inner) }
        })
    }

    fn highest<'v>(
        &mut self,
        values: impl IntoIterator<Item = &'v Dynamic>,
        sizes: &mut Sizes,
    ) -> Result<usize, Fault> {
        let (mut highest, mut scalars) = (1, 0);
        for value in values {
            if is_scalar(value) {
                scalars += 1;
                if scalars == SCALARS_AT_ONCE {
                    self.walk.count(std::mem::take(&mut scalars))?;
                }
            } else if value.is_shared() {
                highest = highest.max(1 + self.root(value)?);
            } else {
                highest = highest.max(1 + self.height(value, sizes)?);
            }
        }
        self.walk.count(scalars)?;
        Ok(highest)
    }

    fn check(&self, sizes: &Sizes) -> Result<(), Fault> {
        self.limits.exceeded(sizes).map_or(Ok(()), |too_large| Err(Fault::TooLarge(too_large)))
    }
}

/// Values that are passed from one yield point to the next; they take some microseconds.
const SCALARS_AT_ONCE: usize = 4096;

/// Whether the value is of a fixed size.
fn is_scalar(value: &Dynamic) -> bool {
    !value.is_shared()
        && (value.is_int() || value.is_unit() || value.is_bool() || value.is_float() || value.is_char())
}

/// How large a value is, with the arrays, maps and strings in it, but without what its closures have captured.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    /// Elements of arrays, bytes of blobs.
    arrays: usize,
    /// Properties of maps.
    maps: usize,
    /// Bytes of strings.
    text: usize,
}

impl Sizes {
    pub(crate) const fn add_array(&mut self, elements: usize) {
        self.arrays = self.arrays.saturating_add(elements);
    }

    pub(crate) const fn add_map(&mut self, properties: usize) {
        self.maps = self.maps.saturating_add(properties);
    }

    pub(crate) const fn add_text(&mut self, bytes: usize) {
        self.text = self.text.saturating_add(bytes);
    }
}

/// How large a value may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeLimits {
    arrays: usize,
    maps: usize,
    text: usize,
}

impl SizeLimits {
    pub(crate) fn of(engine: &Engine) -> Self {
        let limit = |max: usize| if max == 0 { usize::MAX } else { max };
        Self {
            arrays: limit(engine.max_array_size()),
            maps: limit(engine.max_map_size()),
            text: limit(engine.max_string_size()),
        }
    }

    /// The longest text, in bytes.
    pub(crate) const fn text(&self) -> usize {
        self.text
    }

    /// What is larger than it may be.
    pub(crate) const fn exceeded(&self, sizes: &Sizes) -> Option<TooLarge> {
        if sizes.text > self.text {
            Some(TooLarge::new(Size::Text, sizes.text))
        } else if sizes.arrays > self.arrays {
            Some(TooLarge::new(Size::Array, sizes.arrays))
        } else if sizes.maps > self.maps {
            Some(TooLarge::new(Size::Map, sizes.maps))
        } else {
            None
        }
    }
}

impl From<Halt> for Fault {
    fn from(halt: Halt) -> Self {
        Self::Halted(halt)
    }
}

impl From<Fault> for Box<EvalAltResult> {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLarge(too_large) => too_large.into(),
            Fault::TooDeep => LimitExceeded::fixed("values are nested too deep", MAX_NESTING).into(),
            Fault::Halted(halt) => halt.into(),
        }
    }
}
