use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

/// What native functions keep for a task: one value of each type, for as long as the task runs.
#[derive(Default)]
pub(crate) struct TaskState(RefCell<HashMap<TypeId, Rc<dyn Any>>>);

impl TaskState {
    pub(crate) fn get<T: 'static>(&self) -> Option<Rc<T>> {
        let value = self.0.borrow().get(&TypeId::of::<T>()).map(Rc::clone);
        value.and_then(|value| value.downcast().ok())
    }

    pub(crate) fn set<T: 'static>(&self, value: T) {
        let previous = self.0.borrow_mut().insert(TypeId::of::<T>(), Rc::new(value));
        drop(previous); // not under the borrow: its destructor may look at the state
    }
}

impl fmt::Debug for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskState").field("values", &self.0.borrow().len()).finish()
    }
}
