use std::time::Duration;

use rhai_dispatcher_core::{Invalid, Limits, Priority};
use serde::Serialize;
use serde_json::value::RawValue;

use super::settings::{Settings, json, settings_of};

/// A script to run, with its settings, for [`GatewayClient::play`](crate::GatewayClient::play).
///
/// ```
/// use std::time::Duration;
/// use rhai_dispatcher_gateway_client::Play;
/// use serde_json::json;
///
/// let play = Play::new("args.name + \"!\"").with_timeout(Duration::from_secs(5));
/// let play = play.with_args(&json!({ "name": "Ann" }))?;
/// # Ok::<(), rhai_dispatcher_gateway_client::Invalid>(())
/// ```
#[derive(Debug, Clone, Serialize)]
#[must_use = "it is what a client runs"]
pub struct Play {
    script: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_name: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

impl Play {
    /// The script of that text.
    pub fn new(script: impl Into<String>) -> Self {
        Self { script: script.into(), args: None, script_name: None, settings: Settings::default() }
    }

    /// The arguments, which the script sees as `args`: something that is an object in JSON. Default: none.
    ///
    /// # Errors
    /// If `args` has no JSON form.
    pub fn with_args(mut self, args: &(impl Serialize + ?Sized)) -> Result<Self, Invalid> {
        self.args = Some(json("args", args)?);
        Ok(self)
    }

    /// What to call the script in messages. Default: none.
    pub fn with_script_name(mut self, name: impl Into<String>) -> Self {
        self.script_name = Some(name.into());
        self
    }
}

settings_of!(Play);
