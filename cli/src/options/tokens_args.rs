use std::env;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use clap::Args;
use rhai_dispatcher_gateway::{GatewayBuilder, TokenFile};

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

    /// Sets up a gateway with the tokens of the file, or to wait for them: without a name the file need not exist.
    ///
    /// # Errors
    /// If it is named and does not exist, or can't be looked for: a gateway without tokens would be open.
    pub(crate) fn set(self, builder: GatewayBuilder) -> Result<GatewayBuilder, CommandError> {
        let is_named = self.tokens.is_some();
        let Some(file) = self.tokens.or_else(default_file) else { return Ok(builder) };
        // A link that leads nowhere counts as the file: it is one of which the tokens are away.
        match file.symlink_metadata() {
            Ok(_) => Ok(builder.tokens(TokenFile::new(file))),
            Err(error) if is_absent(&error) && !is_named => {
                Ok(builder.tokens_once_made(TokenFile::new(file)))
            }
            Err(error) if is_absent(&error) => {
                let problem =
                    format!("{} does not exist; make a token with `rhaid token new`", file.display());
                Err(CommandError::usage(ARGUMENT, problem))
            }
            Err(error) => {
                let problem = format!(
                    "whether {} exists can't be seen ({error}), and without tokens the gateway would be open; make its folder \
                     readable, or name another file",
                    file.display()
                );
                Err(CommandError::usage(ARGUMENT, problem))
            }
        }
    }
}

/// Whether it is certain that the file does not exist.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn default_file() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join("rhaid").join("tokens.json"))
}
