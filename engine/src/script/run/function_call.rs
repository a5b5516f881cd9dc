use std::fmt::Debug;
use std::sync::Arc;

use rhai_dispatcher_core::Json;

/// A call of a function that a script defines, instead of a run of the script for its value.
///
/// The script's own statements run first, in each call: so its constants and imports are there.
#[derive(Debug, Clone)]
pub struct FunctionCall {
    /// The text of the script.
    pub script: Arc<str>,
    /// The name of the function, which must not be private.
    pub function: Arc<str>,
    /// The parameters: an object has them by name, an array by position, null is none, and any other value is the only
    /// one. Functions of one name are told apart by the names, or by the number, of the parameters.
    pub params: Json,
    /// The modules that the call can import, beside those of
    /// [`modules_folder`](crate::EngineConfig::modules_folder). The call keeps them for as long as it runs.
    pub modules: Arc<dyn ModuleTexts>,
}

/// Modules that are in memory already.
pub trait ModuleTexts: Debug + Send + Sync {
    /// The text of a module, by the path of its file below the folder, without its ending: `shop/prices`. `None` if
    /// the module is unknown. It is called on the lane's thread, and must not block it.
    fn text(&self, module: &str) -> Option<Arc<str>>;
}
