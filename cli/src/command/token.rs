use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use rhai_dispatcher_gateway::{Pattern, Role, Scope, TokenFile, TokenRecord};
use serde_json::json;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{TokensArgs, duration};
use crate::report::{Console, Results};

/// Make, list and revoke the tokens of a gateway
///
/// The tokens are in a file that only its owner may read, each as its SHA-256. A gateway that serves reads the file again
/// when it changes.
#[derive(Debug, Args)]
pub(crate) struct TokenCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    New(New),
    List(List),
    Revoke(Revoke),
}

/// Make a token, and print it: it can't be shown again
#[derive(Debug, Args)]
struct New {
    /// The name: the caller id of the tasks that are submitted with the token; several tokens may have one
    #[arg(value_name = "NAME")]
    name: String,

    /// What it is for: read tasks and queues, call methods too, or everything
    #[arg(long, value_name = "ROLE", default_value = "call")]
    role: RoleArg,

    /// The methods that it may call, such as shop.*; may be repeated [default: all]
    #[arg(long = "method", value_name = "PATTERN")]
    methods: Vec<Pattern>,

    /// The worker ids that it may use and see, such as billing-*; may be repeated [default: all]
    #[arg(long = "worker", value_name = "PATTERN")]
    worker_ids: Vec<Pattern>,

    /// It may run scripts, and not methods only
    #[arg(long)]
    scripts: bool,

    /// It may see the tasks of other callers, and cancel them if it may cancel its own
    #[arg(long)]
    all_tasks: bool,

    /// How long it is valid [default: until it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    expires_in: Option<Duration>,

    #[command(flatten)]
    tokens: TokensArgs,

    /// Print a line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArg {
    Read,
    Call,
    Admin,
}

/// List the tokens, without the tokens themselves
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    tokens: TokensArgs,

    /// Print a line of JSON for each
    #[arg(long)]
    json: bool,
}

/// Revoke a token: a gateway that serves ends its sessions and connections within 2 s
#[derive(Debug, Args)]
struct Revoke {
    /// The id of the token, as `list` prints it
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    tokens: TokensArgs,

    /// Print a line of JSON
    #[arg(long)]
    json: bool,
}

impl TokenCommand {
    pub(crate) const fn json(&self) -> bool {
        match &self.what {
            What::New(new) => new.json,
            What::List(list) => list.json,
            What::Revoke(revoke) => revoke.json,
        }
    }

    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        match self.what {
            What::New(new) => new.execute(),
            What::List(list) => list.execute(),
            What::Revoke(revoke) => revoke.execute(),
        }
    }
}

impl New {
    fn execute(self) -> Result<Exit, CommandError> {
        if let (RoleArg::Read, true) = (self.role, self.scripts) {
            let problem =
                "a token of the role read runs no scripts; give --role call too, or leave --scripts out";
            return Err(CommandError::usage("--scripts", problem));
        }
        let mut scope = match self.role {
            RoleArg::Read => Scope::new(Role::Read),
            RoleArg::Call => Scope::new(Role::Call),
            RoleArg::Admin => Scope::admin(),
        };
        if !self.methods.is_empty() {
            scope = scope.with_methods(self.methods);
        }
        if !self.worker_ids.is_empty() {
            scope = scope.with_worker_ids(self.worker_ids);
        }
        scope.scripts |= self.scripts;
        scope.all_tasks |= self.all_tasks;
        let file = TokenFile::new(self.tokens.file()?);
        let (secret, record) = file.add(&self.name, scope, self.expires_in)?;
        let console = Console::detect();
        let results = Results::new(console);
        if self.json {
            let line = json!({ "token": secret.expose(), "id": record.id, "name": record.name });
            return Ok(results.lines([line.to_string()]));
        }
        console.note(format_args!(
            "token {} of {} is in {}; it is shown only now:",
            record.id,
            record.name,
            file.path().display()
        ));
        Ok(results.lines([secret.expose().to_owned()]))
    }
}

impl List {
    fn execute(self) -> Result<Exit, CommandError> {
        let results = Results::new(Console::detect());
        let tokens = TokenFile::new(self.tokens.file()?).load()?;
        Ok(results.lines(tokens.iter().map(|token| match self.json {
            true => without_hash(token).to_string(),
            false => describe(token),
        })))
    }
}

impl Revoke {
    fn execute(self) -> Result<Exit, CommandError> {
        let revoked = TokenFile::new(self.tokens.file()?).revoke(&self.id)?;
        if self.json {
            let line = json!({ "revoked": revoked.id, "name": revoked.name });
            return Ok(Results::new(Console::detect()).lines([line.to_string()]));
        }
        Console::detect().note(format_args!("token {} of {} is revoked", revoked.id, revoked.name));
        Ok(Exit::Success)
    }
}

fn without_hash(token: &TokenRecord) -> serde_json::Value {
    json!({
        "id": token.id,
        "name": token.name,
        "createdAt": token.created_at,
        "expiresAt": token.expires_at,
        "scope": token.scope,
    })
}

/// One line: the id, the name, and what it allows.
fn describe(token: &TokenRecord) -> String {
    let list = |patterns: &[Pattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let Scope { scripts, all_tasks, .. } = token.scope;
    let role = match token.scope.role {
        Role::Read => "read",
        Role::Call => "call",
        Role::Admin => "admin",
    };
    let mut line = format!(
        "{}  {}  role={role} methods={} workers={}",
        token.id,
        token.name,
        list(&token.scope.methods),
        list(&token.scope.worker_ids)
    );
    for (is_so, word) in [(scripts, " scripts"), (all_tasks, " all-tasks")] {
        if is_so {
            line.push_str(word);
        }
    }
    if let Some(end) = token.expires_at {
        line.push_str(&format!(" expires={end}"));
    }
    line
}
