//! The settings of a gateway, and the table of its limits.

mod gateway_config;
mod limit_table;
mod limit_value;

pub use gateway_config::{GatewayConfig, LimitInfo};
