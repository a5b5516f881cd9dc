use rhai::Dynamic;
use rhai_dispatcher_engine::{Secret, TaskContext};

use crate::StripeError;

/// The settings that one task has made with `configure_stripe`. Other tasks do not see them.
#[derive(Debug)]
pub(crate) struct Settings {
    key: Secret,
}

/// The longest key, in bytes.
const MAX_KEY: usize = 512;

impl Settings {
    /// `configure_stripe(key)`.
    pub(crate) fn configure(key: &Dynamic) -> Result<(), StripeError> {
        let key = if let Some(secret) = key.read_lock::<Secret>() {
            secret.clone()
        } else if let Ok(text) = key.as_immutable_string_ref() {
            Secret::new(text.as_str())
        } else {
            let problem = "key: it is neither a string nor a secret of the worker";
            return Err(StripeError::Invalid(problem.to_owned()));
        };
        let text = key.expose();
        if text.is_empty() || text.len() > MAX_KEY || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "key: it is not a Stripe key; give one word, such as sk_test_…";
            return Err(StripeError::Invalid(problem.to_owned()));
        }
        if let Some(task) = TaskContext::current() {
            task.set_state(Self { key });
        }
        Ok(())
    }

    /// The key of a task: the key that it has set, or the key that each task starts with.
    pub(crate) fn key(task: &TaskContext, default: Option<&Secret>) -> Result<Secret, StripeError> {
        let own = task.state::<Self>().map(|settings| settings.key.clone());
        own.or_else(|| default.cloned()).ok_or(StripeError::NotConfigured)
    }
}
