//! Stripe's objects for scripts: products, prices, coupons, customers and more.
//!
//! ```
//! use rhai_dispatcher::engine::{EngineConfig, Secret};
//! use rhai_dispatcher::http::TokioBridge;
//! use rhai_dispatcher::stripe::{StripeConfig, StripeModule};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = StripeConfig::new().with_key(Secret::new("sk_test_1"));
//! let engine = StripeModule::new(config, TokioBridge::new())?.install(EngineConfig::new());
//! // A script of a worker with this engine: new_product().name("Tea").create()
//! # Ok(())
//! # }
//! ```

pub use rhai_dispatcher_stripe::*;
