use std::fmt::Write;
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;

use super::fault;
use crate::client::{ClientError, ServerReply};

/// The steps that have to be atomic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Submit,
    Claim,
    Recover,
    Finish,
    Cancel,
    Inspect,
    Read,
    Renew,
    Detach,
    Crash,
    Pause,
    Queues,
    Instances,
    Events,
    Report,
    Figures,
    Activity,
    ReadActivity,
    Note,
    Strike,
    Children,
    Orphans,
    Tasks,
    Summaries,
}

// Tables of scripts are indexed by their number.
const _: () = {
    let mut index = 0;
    while index < Script::COUNT {
        assert!(Script::ALL[index] as usize == index, "ALL is in the order of the declarations");
        index += 1;
    }
};

/// What a script has answered to one of a batch: after the time comes an answer to each, or one to all.
pub(crate) fn answer_to(index: usize, replies: &[ServerReply]) -> Option<&str> {
    let replies = replies.get(1..)?;
    if let [all] = replies { all } else { replies.get(index)? }.as_str()
}

/// What all scripts share, each file building on those before.
const SHARED: &str = concat!(
    include_str!("../lua/shared/call.lua"),
    include_str!("../lua/shared/finished.lua"),
    include_str!("../lua/shared/activity.lua"),
    include_str!("../lua/shared/record.lua"),
    include_str!("../lua/shared/quarantine.lua"),
    include_str!("../lua/shared/task.lua"),
    include_str!("../lua/shared/idle.lua"),
    include_str!("../lua/shared/expire.lua"),
    include_str!("../lua/shared/take_over.lua"),
    include_str!("../lua/shared/process_due.lua"),
    include_str!("../lua/shared/deliver.lua"),
    include_str!("../lua/shared/cancel.lua"),
);

impl Script {
    pub(super) const ALL: [Self; 24] = [
        Self::Submit,
        Self::Claim,
        Self::Recover,
        Self::Finish,
        Self::Cancel,
        Self::Inspect,
        Self::Read,
        Self::Renew,
        Self::Detach,
        Self::Crash,
        Self::Pause,
        Self::Queues,
        Self::Instances,
        Self::Events,
        Self::Report,
        Self::Figures,
        Self::Activity,
        Self::ReadActivity,
        Self::Note,
        Self::Strike,
        Self::Children,
        Self::Orphans,
        Self::Tasks,
        Self::Summaries,
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
            Self::Inspect => "inspect",
            Self::Read => "read",
            Self::Renew => "renew",
            Self::Detach => "detach",
            Self::Crash => "crash",
            Self::Pause => "pause",
            Self::Queues => "queues",
            Self::Instances => "instances",
            Self::Events => "events",
            Self::Report => "report",
            Self::Figures => "figures",
            Self::Activity => "activity",
            Self::ReadActivity => "read_activity",
            Self::Note => "note",
            Self::Strike => "strike",
            Self::Children => "children",
            Self::Orphans => "orphans",
            Self::Tasks => "tasks",
            Self::Summaries => "summaries",
        }
    }

    const fn body(self) -> &'static str {
        match self {
            Self::Submit => include_str!("../lua/submit.lua"),
            Self::Claim => include_str!("../lua/claim.lua"),
            Self::Recover => include_str!("../lua/recover.lua"),
            Self::Finish => include_str!("../lua/finish.lua"),
            Self::Cancel => include_str!("../lua/cancel.lua"),
            Self::Inspect => include_str!("../lua/inspect.lua"),
            Self::Read => include_str!("../lua/read.lua"),
            Self::Renew => include_str!("../lua/renew.lua"),
            Self::Detach => include_str!("../lua/detach.lua"),
            Self::Crash => include_str!("../lua/crash.lua"),
            Self::Pause => include_str!("../lua/pause.lua"),
            Self::Queues => include_str!("../lua/queues.lua"),
            Self::Instances => include_str!("../lua/instances.lua"),
            Self::Events => include_str!("../lua/events.lua"),
            Self::Report => include_str!("../lua/report.lua"),
            Self::Figures => include_str!("../lua/figures.lua"),
            Self::Activity => include_str!("../lua/activity.lua"),
            Self::ReadActivity => include_str!("../lua/read_activity.lua"),
            Self::Note => include_str!("../lua/note.lua"),
            Self::Strike => include_str!("../lua/strike.lua"),
            Self::Children => include_str!("../lua/children.lua"),
            Self::Orphans => include_str!("../lua/orphans.lua"),
            Self::Tasks => include_str!("../lua/tasks.lua"),
            Self::Summaries => include_str!("../lua/summaries.lua"),
        }
    }

    /// The whole script, for EVALSHA.
    pub(crate) fn source(self) -> Bytes {
        let body = self.body();
        // Redis 6 has to be told that what it writes may depend on the time.
        let head = "if redis.replicate_commands then redis.replicate_commands() end\n";
        // A script has no flags. With a full memory its first write is refused, unless that frees memory; later writes
        // are not.
        let first_write = match self.runs_without_memory() {
            true => "redis.call('DEL', KEYS[1])\n",
            false => REFUSED_WITHOUT_MEMORY,
        };
        format!(
            "{head}{SHARED}\n{}\nbegin(ARGV)\n{first_write}local function run()\n{body}\nend\nreturn answered(run())\n",
            fault::LUA
        )
        .into()
    }

    /// What the server knows that by: its SHA-1.
    pub(crate) fn hash(self) -> Bytes {
        static HASHES: [OnceLock<Bytes>; Script::COUNT] = [const { OnceLock::new() }; Script::COUNT];
        let hash = || sha1_smol::Sha1::from(self.source()).digest().to_string().into();
        HASHES[self as usize].get_or_init(hash).clone()
    }

    /// Its name as a function of the library.
    pub(crate) fn function(self) -> Bytes {
        static NAMES: LazyLock<[Bytes; Script::COUNT]> =
            LazyLock::new(|| Script::ALL.map(|script| format!("{}_{}", *LIBRARY, script.name()).into()));
        NAMES[self as usize].clone()
    }

    /// All of them as a library, for FCALL, which does not carry out what they share each time.
    pub(crate) fn library() -> Bytes {
        let library = &*LIBRARY;
        let mut source = format!("#!lua name={library}\n{SHARED}\n{}\n", fault::LUA);
        for script in Self::ALL {
            let flags = if script.runs_without_memory() { "'allow-oom'" } else { "" };
            let (body, name) = (script.body(), script.name());
            // Writing to a string does not fail.
            let _ = write!(
                source,
                "do\nlocal function run(ARGV)\n{body}\nend\n\
                 redis.register_function {{ function_name = '{library}_{name}', flags = {{ {flags} }}, \
                 callback = function(_, ARGV) begin(ARGV) return answered(run(ARGV)) end }}\nend\n"
            );
        }
        source.into()
    }

    /// The name of the library of this version.
    pub(crate) fn library_name() -> &'static str {
        &LIBRARY
    }

    /// Whether it is carried out although the server's memory is full: the server then accepts no more tasks, events and activity of instances, and
    /// continues with those that it has. No script is declared `no-writes`, since a server that has become a replica
    /// would continue to answer it with old data.
    pub(crate) const fn runs_without_memory(self) -> bool {
        !matches!(self, Self::Submit | Self::Children | Self::Events | Self::Activity)
    }
}

impl Script {
    /// The reason why the server has refused all that a script of a batch was to write, if a part of the batch was
    /// answered so. The other parts may be repeated with it.
    pub(super) fn refusal(self, replies: &[ServerReply]) -> Option<ClientError> {
        if !matches!(self, Self::Submit | Self::Children | Self::Finish) {
            return None;
        }
        let problems = replies.iter().skip(1).filter_map(|reply| reply.as_str()?.strip_prefix('e'));
        problems.map(ClientError::of_server).find(ClientError::is_passing)
    }
}

/// Ends a script as a whole when the memory is full, by a write that changes nothing.
const REFUSED_WITHOUT_MEMORY: &str = "do
  local probe = redis.pcall('SETRANGE', KEYS[1], 0, '')
  if type(probe) == 'table' and probe.err and string.find(probe.err, 'OOM ', 1, true) then
    return redis.error_reply(\"OOM command not allowed when used memory > 'maxmemory'\")
  end
end
";

/// The name of the library, which tells those of different versions apart by a hash (FNV-1a).
static LIBRARY: LazyLock<String> = LazyLock::new(|| {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let bodies = Script::ALL.into_iter().map(Script::body);
    for byte in [SHARED, fault::LUA].into_iter().chain(bodies).flat_map(str::bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{LIBRARY_PREFIX}{hash:016x}")
});

/// What the name of each version's library begins with.
pub(crate) const LIBRARY_PREFIX: &str = "rhai_";
