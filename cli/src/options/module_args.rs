use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rhai_dispatcher::EngineConfig;
use rhai_dispatcher::engine::Secret;
use rhai_dispatcher::http::{AllowedHost, HttpConfig, HttpModule, TokioBridge};
use rhai_dispatcher::stdlib::StdlibModule;
use rhai_dispatcher::stripe::{StripeConfig, StripeModule};
use rhai_dispatcher::transport::{MemoryConfig, MemoryTransport};

use crate::error::CommandError;

/// The hosts that scripts can call, the modules that they can import, and the secrets that they can use.
#[allow(rustdoc::broken_intra_doc_links, rustdoc::bare_urls, reason = "its comments are help on a terminal")]
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ModuleArgs {
    /// A host that scripts may call although its address belongs to this machine or a private network; may
    /// be repeated
    ///
    /// A name or an address as in URLs, optionally with a port: localhost, 10.0.0.5:8080 or [::1]:8080. Scripts
    /// may send secrets in headers only to these hosts.
    #[arg(long = "allow-host", value_name = "HOST[:PORT]")]
    allowed_hosts: Vec<AllowedHost>,

    /// An environment variable that scripts see as a secret constant of the same name; may be repeated
    ///
    /// Scripts can pass it to functions that take secrets. Everywhere else it reads [secret].
    #[arg(long = "secret", value_name = "NAME", value_parser = SecretName::parse)]
    secrets: Vec<SecretName>,

    /// A folder of modules that scripts can import; each module is a file DIR/NAME.rhai
    ///
    /// import "shop/prices" as prices; imports the file DIR/shop/prices.rhai. A name or a link that leads out of
    /// the folder is an error. A change of a module takes effect at the next import.
    #[arg(long = "import", value_name = "DIR")]
    modules_folder: Option<PathBuf>,

    /// The environment variable with the Stripe key that scripts use by default
    ///
    /// Without this option a script has to call configure_stripe.
    #[arg(long, value_name = "NAME", value_parser = SecretName::parse)]
    stripe_key: Option<SecretName>,

    /// The URL of Stripe, such as that of a test server [default: https://api.stripe.com]
    #[arg(long, value_name = "URL")]
    stripe_url: Option<String>,

    /// Reading a property that a map does not have is an error, and not unit
    #[arg(long)]
    strict_properties: bool,
}

/// The name of an environment variable, and of a constant in scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SecretName(String);

impl ModuleArgs {
    /// Adds the modules and secrets to an engine's configuration.
    ///
    /// # Errors
    /// If a variable or the folder is missing, or the URL is invalid.
    pub(crate) fn install(self, engine: EngineConfig) -> Result<EngineConfig, CommandError> {
        let bridge = TokioBridge::new();
        let mut http = HttpConfig::new();
        http.allowed_hosts = self.allowed_hosts;
        let http = HttpModule::new(http, bridge.clone())
            .map_err(|error| CommandError::usage("--allow-host <HOST>", error.to_string()))?;

        let mut stripe = StripeConfig::new();
        if let Some(name) = &self.stripe_key {
            stripe = stripe.with_key(name.secret("--stripe-key <NAME>")?);
        }
        if let Some(url) = self.stripe_url {
            stripe = stripe.with_base_url(url);
        }
        let stripe = StripeModule::new(stripe, bridge)
            .map_err(|error| CommandError::usage("--stripe-url <URL>", error.to_string()))?;

        let engine = engine.with_strict_properties(self.strict_properties);
        let mut engine = stripe.install(http.install(StdlibModule::new().install(engine)));
        for name in &self.secrets {
            engine = engine.with_secret(&*name.0, name.secret("--secret <NAME>")?);
        }
        if let Some(folder) = self.modules_folder {
            engine = engine.with_modules_folder(existing_folder(&folder)?);
        }
        Ok(engine)
    }
}

/// A configuration with all functions that `rhaid` offers to scripts.
pub(crate) fn all_functions() -> Result<EngineConfig, CommandError> {
    let transport = Arc::new(MemoryTransport::new(MemoryConfig::default()));
    ModuleArgs::default().install(EngineConfig::default().with_dispatch(transport))
}

/// The absolute path of the folder, so that a later change of the working directory has no effect.
pub(crate) fn existing_folder(folder: &Path) -> Result<PathBuf, CommandError> {
    let usage = |problem| CommandError::usage("--import <DIR>", problem);
    let absolute = folder.canonicalize().map_err(|error| usage(format!("{}: {error}", folder.display())))?;
    match absolute.is_dir() {
        true => Ok(absolute),
        false => Err(usage(format!("{} is not a folder", folder.display()))),
    }
}

impl SecretName {
    fn parse(text: &str) -> Result<Self, String> {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if starts && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Ok(Self(text.to_owned()));
        }
        Err("give the name of an environment variable, such as STRIPE_API_KEY, and not its value".to_owned())
    }

    /// The variable's value.
    fn secret(&self, argument: &'static str) -> Result<Secret, CommandError> {
        let Self(name) = self;
        let problem = match env::var(name) {
            Ok(value) if value.is_empty() => format!("the environment variable {name} is empty"),
            Ok(value) => return Ok(Secret::new(value)),
            Err(env::VarError::NotPresent) => format!("the environment variable {name} is not set; set it"),
            Err(env::VarError::NotUnicode(_)) => format!("the environment variable {name} is not UTF-8"),
        };
        Err(CommandError::usage(argument, problem))
    }
}
