use std::fmt::Write;
use std::sync::LazyLock;

use crate::client::Reply;
use crate::faults;

/// The steps that have to be atomic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Submit,
    Claim,
    Recover,
    Finish,
    Cancel,
    Look,
    Renew,
    Detach,
    Crash,
    Pause,
    Queues,
    Instances,
}

/// What a script has answered to one of a batch: after the time comes an answer to each, or one to all.
pub(crate) fn answer_to(index: usize, replies: &[Reply]) -> Option<&str> {
    let replies = replies.get(1..)?;
    if let [all] = replies { all } else { replies.get(index)? }.as_str()
}

/// What all scripts share, each file building on those before.
const SHARED: &str = concat!(
    include_str!("lua/shared/call.lua"),
    include_str!("lua/shared/record.lua"),
    include_str!("lua/shared/quarantine.lua"),
    include_str!("lua/shared/task.lua"),
    include_str!("lua/shared/idle.lua"),
    include_str!("lua/shared/expire.lua"),
    include_str!("lua/shared/take_over.lua"),
    include_str!("lua/shared/settle.lua"),
    include_str!("lua/shared/hand_out.lua"),
    include_str!("lua/shared/cancel.lua"),
);

impl Script {
    const ALL: [Self; 12] = [
        Self::Submit,
        Self::Claim,
        Self::Recover,
        Self::Finish,
        Self::Cancel,
        Self::Look,
        Self::Renew,
        Self::Detach,
        Self::Crash,
        Self::Pause,
        Self::Queues,
        Self::Instances,
    ];

    /// How many there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Claim => "claim",
            Self::Recover => "recover",
            Self::Finish => "finish",
            Self::Cancel => "cancel",
            Self::Look => "look",
            Self::Renew => "renew",
            Self::Detach => "detach",
            Self::Crash => "crash",
            Self::Pause => "pause",
            Self::Queues => "queues",
            Self::Instances => "instances",
        }
    }

    const fn body(self) -> &'static str {
        match self {
            Self::Submit => include_str!("lua/submit.lua"),
            Self::Claim => include_str!("lua/claim.lua"),
            Self::Recover => include_str!("lua/recover.lua"),
            Self::Finish => include_str!("lua/finish.lua"),
            Self::Cancel => include_str!("lua/cancel.lua"),
            Self::Look => include_str!("lua/look.lua"),
            Self::Renew => include_str!("lua/renew.lua"),
            Self::Detach => include_str!("lua/detach.lua"),
            Self::Crash => include_str!("lua/crash.lua"),
            Self::Pause => include_str!("lua/pause.lua"),
            Self::Queues => include_str!("lua/queues.lua"),
            Self::Instances => include_str!("lua/instances.lua"),
        }
    }

    /// The whole script, for EVALSHA. Redis 6 has to be told that what it writes may depend on the
    /// time.
    pub(crate) fn source(self) -> String {
        let body = self.body();
        format!(
            "if redis.replicate_commands then redis.replicate_commands() end\n{SHARED}\n{}\nbegin(ARGV)\n{body}",
            faults::LUA
        )
    }

    /// Its name as a function of the library.
    pub(crate) fn function(self) -> String {
        format!("rhai_{}_{}", *HASH, self.name())
    }

    /// All of them as a library, for FCALL, which does not carry out what they share each time.
    pub(crate) fn library() -> String {
        let mut source = format!("#!lua name=rhai_{}\n{SHARED}\n{}\n", *HASH, faults::LUA);
        for script in Self::ALL {
            // With its memory full the server takes no more tasks, and goes on with those it has.
            let flags = if script == Self::Submit { "" } else { "'allow-oom'" };
            let (body, function) = (script.body(), script.function());
            // Writing to a string does not fail.
            let _ = write!(
                source,
                "redis.register_function {{ function_name = '{function}', flags = {{ {flags} }}, \
                 callback = function(KEYS, ARGV)\nbegin(ARGV)\n{body}\nend }}\n"
            );
        }
        source
    }
}

/// Tells the libraries of different versions apart (FNV-1a).
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let bodies = Script::ALL.into_iter().map(Script::body);
    for byte in [SHARED, faults::LUA].into_iter().chain(bodies).flat_map(str::bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
});
