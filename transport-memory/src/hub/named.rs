use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use rhai_dispatcher_core::lock;

use super::hub::Hub;
use crate::MemoryConfig;

/// The hubs of this process that have a name; the table keeps none of them alive. A
/// static with state, for it is what makes a URL such as `memory:jobs` mean the same in all of a process.
static NAMED: Mutex<Option<HashMap<String, Weak<Hub>>>> = Mutex::new(None);

/// The hub of that name, made if no handle holds it.
pub(crate) fn named_hub(name: &str, config: impl FnOnce() -> MemoryConfig) -> Arc<Hub> {
    let mut table = lock(&NAMED);
    let table = table.get_or_insert_default();
    if let Some(hub) = table.get(name).and_then(Weak::upgrade) {
        return hub;
    }
    table.retain(|_, hub| hub.strong_count() > 0);
    let hub = Hub::new(config());
    table.insert(name.to_owned(), Arc::downgrade(&hub));
    hub
}
