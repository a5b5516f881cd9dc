use std::time::Duration;

use rhai_dispatcher_core::Json;
use tower::{BoxError, Layer, Service};

use crate::layers::{Layers, MethodCall, MethodService};

/// How a folder of scripts is read and watched. The longest file is the engine's
/// [`max_script_bytes`](rhai_dispatcher_engine::ScriptLimits::max_script_bytes).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FolderConfig {
    /// The most files, modules included; 1,000. Those beyond, in the order of their paths, are left out.
    pub max_files: usize,
    /// The most text of all files together, in bytes; 16 MiB. Files beyond are left out.
    pub max_bytes: usize,
    /// The most methods; 10,000. Those beyond are left out.
    pub max_methods: usize,
    /// How long a file has to be missing, or empty, until its methods are; 500 ms. Editors replace a file by removing or
    /// emptying it first.
    pub removal_grace: Duration,
    /// How often the files' sizes and times are looked at, beside the system's notifications; 1 s.
    pub poll_interval: Duration,
    /// The same where the system gives none; 250 ms.
    pub fallback_interval: Duration,
    /// Whether the system is asked for notifications; yes. On network file systems it gives none of other hosts' changes.
    pub notifications: bool,
    /// Set by [`with_layer`](Self::with_layer).
    pub(crate) layers: Layers,
}

impl Default for FolderConfig {
    fn default() -> Self {
        Self {
            max_files: 1_000,
            max_bytes: 16 * 1024 * 1024,
            max_methods: 10_000,
            removal_grace: Duration::from_millis(500),
            poll_interval: Duration::from_secs(1),
            notifications: true,
            fallback_interval: Duration::from_millis(250),
            layers: Layers::default(),
        }
    }
}

/// A consuming setter for each field.
macro_rules! setters {
    ($($with:ident: $field:ident, $type:ty;)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            #[must_use]
            pub fn $with(mut self, $field: $type) -> Self {
                self.$field = $field;
                self
            }
        )*
    };
}

impl FolderConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        with_max_files: max_files, usize;
        with_max_bytes: max_bytes, usize;
        with_max_methods: max_methods, usize;
        with_removal_grace: removal_grace, Duration;
        with_poll_interval: poll_interval, Duration;
        with_notifications: notifications, bool;
        with_fallback_interval: fallback_interval, Duration;
    }

    /// Puts a layer of tower's around all calls of methods of the folder, and around the layers added before, as
    /// [`MethodHandler::with_layer`](crate::MethodHandler::with_layer) does. A layer may call the method once for each
    /// call. When it ends a call whose script runs, the script ends, and its log is lost.
    #[must_use]
    pub fn with_layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<MethodService> + Send + Sync + 'static,
        L::Service: Service<MethodCall, Response = Json, Error: Into<BoxError>, Future: Send + 'static>,
        L::Service: Send + 'static,
    {
        self.layers.push(layer);
        self
    }
}
