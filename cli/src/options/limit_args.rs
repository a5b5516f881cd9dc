use std::str::FromStr;

use clap::Args;
use rhai_dispatcher::engine::ScriptLimits;
use rhai_dispatcher::task::Limits;

use crate::error::CommandError;

/// The limits of a script.
#[derive(Debug, Clone, Args)]
pub(crate) struct LimitArgs {
    /// A limit on what a script may use; may be repeated
    #[arg(long = "limit", value_name = "NAME=VALUE", long_help = long_help())]
    limits: Vec<LimitArg>,
}

/// One `--limit`.
#[derive(Debug, Clone, PartialEq)]
struct LimitArg {
    name: String,
    /// The name and value in the library's form.
    value: String,
}

impl LimitArgs {
    /// Whether none is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// All limits together.
    ///
    /// # Errors
    /// If a limit is given twice.
    pub(crate) fn into_limits(self) -> Result<Limits, CommandError> {
        let mut limits = Limits::default();
        for (index, LimitArg { name, value }) in self.limits.iter().enumerate() {
            if self.limits[..index].iter().any(|earlier| earlier.name == *name) {
                let problem = format!("{name} is given twice; give each limit once");
                return Err(CommandError::usage("--limit <NAME=VALUE>", problem));
            }
            limits.set(name, value)?;
        }
        Ok(limits)
    }
}

/// The help of `--limit`, with all limits and their defaults.
fn long_help() -> String {
    let defaults = serde_json::to_value(Limits::from(ScriptLimits::default())).unwrap_or_default();
    let mut help = "A limit on what a script may use; may be repeated\n\n\
                    `run`, `check` and `worker` apply these limits to all scripts; `call` and `submit` can only lower the \
                    limits of the worker. The limits, with their defaults:\n"
        .to_owned();
    for name in Limits::NAMES {
        let default = match defaults[name].as_f64().filter(|_| Limits::is_time(name)) {
            Some(seconds) => format!("{seconds}s"),
            None => defaults[name].to_string(),
        };
        help.push_str(&format!("\n{name}={default}: {}", Limits::about(name).unwrap_or_default()));
    }
    help
}

impl FromStr for LimitArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((name, value)) = text.split_once('=') else {
            return Err("it has no `=`; give a name and a value, such as max_operations=1000".to_owned());
        };
        let value = match Limits::is_time(name) {
            true => {
                super::duration(value).map_err(|error| format!("{name}: {error}"))?.as_secs_f64().to_string()
            }
            false => value.to_owned(),
        };
        Limits::default().set(name, &value).map_err(|invalid| invalid.to_string())?;
        Ok(Self { name: name.to_owned(), value })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn help_lists_every_limit_with_a_default_that_can_be_passed() {
        let help = long_help();
        for name in Limits::NAMES {
            let line = help.lines().find(|line| line.starts_with(&format!("{name}="))).expect(name);
            let (limit, about) = line.split_once(": ").expect("a sentence about it");
            let default = limit.parse::<LimitArg>().expect(line);
            assert!(default.name == *name && about.ends_with('.'), "{line}");
        }
    }

    #[test]
    fn limits_are_checked_by_name() {
        let parse = |text: &str| text.parse::<LimitArg>();
        let limits =
            vec![parse("max_wall_time=1m30s").expect("a time"), parse("max_requests=3").expect("a number")];
        let limits = LimitArgs { limits }.into_limits().expect("limits");
        let expected = Limits::default().with_max_wall_time(Duration::from_secs(90)).with_max_requests(3);
        assert_eq!(limits, expected);
        for (bad, says) in [
            ("max_requests", "no `=`"),
            ("requests=3", "no limit is named \"requests\"; use max_script_bytes"),
            ("max_requests=0", "max_requests: "),
            ("max_requests=-1", "max_requests: "),
            ("max_requests=3s", "max_requests: "),
            ("max_cpu_time=0s", "max_cpu_time: "),
            ("max_cpu_time=3", "max_cpu_time: "),
        ] {
            let error = parse(bad).expect_err(bad);
            assert!(error.contains(says), "{bad}: {error}");
        }
    }
}
