use std::sync::Arc;

use rhai_dispatcher_core::{Invalid, Transport};

use crate::RhaiDispatcherError;

/// What a URL names.
#[derive(Debug)]
pub(crate) enum Target {
    /// `memory:`, a hub of its own.
    #[cfg(feature = "memory")]
    Private,
    /// A transport that others can reach.
    Shared(Arc<dyn Transport>),
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, RhaiDispatcherError> {
        let Some((scheme, rest)) = url.split_once(':') else {
            let problem = format!("{url:?} has no scheme");
            return Err(Invalid::new("url", problem, "use memory:, memory:NAME or redis://HOST").into());
        };
        match scheme {
            "memory" => memory(rest),
            "redis" | "rediss" | "unix" | "redis+unix" => Err(RhaiDispatcherError::Unsupported {
                scheme: scheme.to_owned(),
                hint: "this version has the in-process transport only, under memory: or memory:NAME",
            }),
            _ => Err(RhaiDispatcherError::Unsupported {
                scheme: scheme.to_owned(),
                hint: "use memory:, memory:NAME or redis://HOST",
            }),
        }
    }
}

#[cfg(feature = "memory")]
fn memory(name: &str) -> Result<Target, RhaiDispatcherError> {
    use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

    if name.is_empty() {
        return Ok(Target::Private);
    }
    // A hub's name is spelled like a queue's, so that it needs no quoting anywhere.
    if let Err(invalid) = rhai_dispatcher_core::WorkerId::try_from(name) {
        return Err(Invalid::new(
            "url",
            invalid.problem,
            "name the hub as a worker id is named, such as memory:jobs",
        )
        .into());
    }
    Ok(Target::Shared(Arc::new(MemoryTransport::named(name, MemoryConfig::default()))))
}

#[cfg(not(feature = "memory"))]
fn memory(_name: &str) -> Result<Target, RhaiDispatcherError> {
    Err(RhaiDispatcherError::Unsupported {
        scheme: "memory".to_owned(),
        hint: "build with the feature `memory`",
    })
}
