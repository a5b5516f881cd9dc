use bytes::Bytes;

/// A Lua script that a package sends with [`RedisCommands::script`](super::RedisCommands::script).
#[derive(Debug, Clone)]
pub struct LuaScript {
    source: Bytes,
    /// What the server knows it by: its SHA-1.
    hash: Bytes,
}

impl LuaScript {
    /// Takes the parts of a script, the shared ones first.
    #[must_use]
    pub fn new(parts: &[&str]) -> Self {
        // Redis 6 has to be told that what it writes may depend on the time.
        let head = "if redis.replicate_commands then redis.replicate_commands() end\n";
        let source = Bytes::from(format!("{head}{}", parts.join("\n")));
        let hash = sha1_smol::Sha1::from(&source).digest().to_string().into();
        Self { source, hash }
    }

    pub(super) fn source(&self) -> Bytes {
        self.source.clone()
    }

    pub(super) fn hash(&self) -> Bytes {
        self.hash.clone()
    }
}
