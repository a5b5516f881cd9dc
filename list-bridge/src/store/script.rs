use std::sync::LazyLock;

use rhai_dispatcher_redis::LuaScript;

macro_rules! scripts {
    ($($name:ident: $file:literal,)*) => {
        $(pub(super) static $name: LazyLock<LuaScript> = LazyLock::new(|| {
            LuaScript::new(&[include_str!("../lua/shared.lua"), include_str!(concat!("../lua/", $file))])
        });)*
    };
}

scripts! {
    TAKE: "take.lua",
    RENEW: "renew.lua",
    STRIKE_OFF: "strike_off.lua",
    DETACH: "detach.lua",
    READ: "read.lua",
    START: "start.lua",
    END: "end.lua",
    TOKEN: "token.lua",
    REPLY: "reply.lua",
    ANSWERED: "answered.lua",
    CANCEL: "cancel.lua",
}
