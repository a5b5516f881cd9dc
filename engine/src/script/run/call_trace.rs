use std::cell::RefCell;

use rhai::{NativeCallContext, Position};
use rhai_dispatcher_core::RunNotes;

/// Which native function a script is in, and where: for callers that ask where the script is. The place of other code is not
/// recorded, since Rhai tells it to no callback that runs without its debugger.
#[derive(Debug, Default)]
pub(crate) struct CallTrace {
    /// The function that it is in, the innermost if one calls another through the script.
    current: RefCell<Option<NativeCall>>,
    /// The last call that has returned.
    last: RefCell<Option<Place>>,
}

/// A call of a native function by the script.
#[derive(Debug)]
pub(crate) struct NativeCall {
    name: rhai::Identifier,
    /// What it waits for; empty if its name says it all.
    target: String,
    place: Place,
}

#[derive(Debug)]
struct Place {
    position: Position,
    /// None in the script of the task.
    module: Option<Box<str>>,
}

impl CallTrace {
    /// Notes that the script calls a native function. Returns the one that it is in, for [`leave`](Self::leave).
    pub(crate) fn enter(&self, context: &NativeCallContext<'_>) -> Option<NativeCall> {
        let (name, target) = (context.fn_name().into(), String::new());
        self.current.replace(Some(NativeCall { name, target, place: Place::of(context) }))
    }

    /// Notes that the call has returned.
    pub(crate) fn leave(&self, outer: Option<NativeCall>) {
        if let Some(call) = self.current.replace(outer) {
            self.last.replace(Some(call.place));
        }
    }

    /// Notes the place of a call that does not wait.
    pub(crate) fn note(&self, context: &NativeCallContext<'_>) {
        self.last.replace(Some(Place::of(context)));
    }

    /// Notes what the function that the script is in waits for.
    pub(crate) fn waits_for(&self, target: String) {
        if let Some(call) = &mut *self.current.borrow_mut() {
            call.target = target;
        }
    }

    /// Writes down where the script is.
    pub(crate) fn write(&self, notes: &mut RunNotes) {
        let (current, last) = (self.current.borrow(), self.last.borrow());
        notes.call.clear();
        notes.target.clear();
        if let Some(call) = &*current {
            notes.call.push_str(&call.name);
            notes.target.push_str(&call.target);
        }
        if let Some(place) = current.as_ref().map(|call| &call.place).or(last.as_ref()) {
            place.write(notes);
        }
    }
}

impl Place {
    fn of(context: &NativeCallContext<'_>) -> Self {
        let module = context.call_source().filter(|module| !module.is_empty()).map(Box::from);
        Self { position: context.call_position(), module }
    }

    fn write(&self, notes: &mut RunNotes) {
        let number = |number: Option<usize>| number.and_then(|number| u32::try_from(number).ok());
        notes.line = number(self.position.line()).unwrap_or(0);
        notes.column = number(self.position.position()).unwrap_or(0);
        notes.module.clear();
        notes.module.push_str(self.module.as_deref().unwrap_or_default());
    }
}
