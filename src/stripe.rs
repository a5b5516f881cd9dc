//! Stripe's objects for scripts: products, prices, coupons, customers and more.

pub use rhai_dispatcher_stripe::*;
