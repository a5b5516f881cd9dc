//! Methods that calls name, beside the scripts of a worker: Rust functions, and the functions of a folder of scripts.
//!
//! # Layout
//! - `handlers`: [`Handlers`], the methods of a worker.
//! - `call_handler`: [`CallHandler`], what a worker's lane drives.
//! - `native/`: [`MethodHandler`], whose methods are Rust functions.
//! - `layers/`: layers of tower's around calls; `layered_script`: a script with layers around it.
//! - `params/`: how the parameters of a Rust function are described and read.
//! - `folder/`: [`ScriptFolder`], whose methods are the functions of its scripts: reading, versions, watching.
//! - `info`: [`HandlersInfo`], what there is to call; `method_source`: what a worker announces of it; `built_in`: the
//!   methods of every worker.

mod built_in;
mod call_handler;
mod folder;
mod handlers;
mod info;
mod layered_script;
mod layers;
mod method_source;
mod native;
mod params;

pub use call_handler::CallHandler;
pub use folder::{FolderConfig, ScriptFolder};
pub use handlers::Handlers;
pub use info::{HandlerProblem, HandlersInfo};
pub use layers::{MethodCall, MethodService};
pub use native::{Method, MethodHandler, NativeMethod};
pub use rhai_dispatcher_core::{HandlerInfo, HandlerType, MethodForm, MethodInfo, ParameterInfo};
/// What describes the parameters of a [`NativeMethod`], in the version that it wants.
pub use schemars;
/// The middleware of [`MethodHandler::with_layer`], in the version that it wants.
pub use tower;
