//! Where the server is, and how it is used.

mod durability;
mod redis_config;

pub use durability::Durability;
pub use redis_config::RedisConfig;
