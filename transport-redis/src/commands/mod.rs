//! Plain commands and scripts to the server of a transport, for other packages of this workspace.

mod lua_script;
mod redis_commands;

pub use lua_script::LuaScript;
pub use redis_commands::RedisCommands;
