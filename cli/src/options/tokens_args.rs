use std::env;
use std::path::PathBuf;

use clap::Args;

use crate::error::CommandError;

/// The file with the tokens of a gateway.
#[derive(Debug, Clone, Args)]
pub(crate) struct TokensArgs {
    /// The file with the tokens [default: rhaid/tokens.json in the folder of configurations, such as ~/.config]
    #[arg(long = "tokens", value_name = "FILE", env = "RHAID_TOKENS", hide_env_values = true)]
    tokens: Option<PathBuf>,
}

const ARGUMENT: &str = "--tokens <FILE>";

impl TokensArgs {
    /// The file, which need not exist.
    ///
    /// # Errors
    /// If it is not named, and neither is the folder of configurations.
    pub(crate) fn file(self) -> Result<PathBuf, CommandError> {
        self.tokens.or_else(default_file).ok_or_else(|| {
            CommandError::usage(ARGUMENT, "it is needed, since neither XDG_CONFIG_HOME nor HOME is set")
        })
    }

    /// The file, if it exists.
    ///
    /// # Errors
    /// If it is named and does not exist: a gateway without tokens would be open.
    pub(crate) fn existing(self) -> Result<Option<PathBuf>, CommandError> {
        match self.tokens {
            Some(file) if file.exists() => Ok(Some(file)),
            Some(file) => {
                let problem =
                    format!("{} does not exist; make a token with `rhaid token new`", file.display());
                Err(CommandError::usage(ARGUMENT, problem))
            }
            None => Ok(default_file().filter(|file| file.exists())),
        }
    }
}

fn default_file() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join("rhaid").join("tokens.json"))
}
