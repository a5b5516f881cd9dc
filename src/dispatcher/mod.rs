//! A dispatcher over a transport of your own, with checks of your own.
//!
//! [`RhaiDispatcher`] is what most programs need. It is a [`Dispatcher`] with the settings of
//! its builder:
//!
//! ```
//! use rhai_dispatcher::dispatcher::DispatcherConfig;
//! use rhai_dispatcher::RhaiDispatcher;
//!
//! # fn main() -> Result<(), rhai_dispatcher::RhaiDispatcherError> {
//! let client = RhaiDispatcher::builder().caller_id("my-app").url("memory:jobs").max_depth(4).build()?;
//! let config: &DispatcherConfig = client.config();
//! assert_eq!(config.max_depth, 4);
//! # Ok(())
//! # }
//! ```

mod builder;
mod rhai_dispatcher;

pub use rhai_dispatcher_core::{
    Dispatcher, DispatcherConfig, Figures, HandlerInfo, HandlerStatus, HandlerType, InstanceDescription,
    ListedTask, MethodForm, MethodInfo, MethodStatus, ParameterInfo, Preflight, TaskListCursor, TaskListPage,
    TaskListRequest, TraceSource,
};

#[doc(no_inline)]
pub use builder::RhaiDispatcherBuilder;
#[doc(no_inline)]
pub use rhai_dispatcher::RhaiDispatcher;
