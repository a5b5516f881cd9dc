use clap::Args;
use rhai_dispatcher::activity::ActivityFilter;

use crate::error::CommandError;

/// What is looked for in the activity.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// What ended so long ago or later, such as 30m, or since a moment, such as 2026-11-30T09:00:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,

    /// Words to look for, such as status:error worker:billing slower:2s "card declined"
    #[arg(value_name = "FILTER")]
    words: Vec<String>,
}

/// The help of the commands that have them.
pub(crate) const FILTER_HELP: &str = "\
Filter:
  status:STATUS    completed, error, cancelled, or pending for tries that are repeated
  worker:ID  task:ID  caller:NAME  context:NAME
  handler:NAME  method:NAME  script:NAME
  kind:KIND        the kind of error, such as runtime, limit or timeout
  error:TEXT       a part of the error
  fingerprint:HEX  errors of one group of `rhaid errors`
  since:TIME  until:TIME  older:DURATION
  slower:DURATION  what ran that long or longer
  WORD             a part of the task's id, a name, the caller, the context or the error
  A field that is there twice matches with either value. A value with spaces is in double quotes, which a shell takes
  away unless they are in single quotes: 'error:\"no such file\"'.";

impl FilterArgs {
    /// The filter, with these words beside those of the command line.
    ///
    /// # Errors
    /// With the place of a word that is wrong.
    pub(crate) fn filter(&self, words: &[&str]) -> Result<ActivityFilter, CommandError> {
        let since = self.since.as_ref().map(|since| format!("since:{since}"));
        let all = words.iter().copied().chain(since.as_deref()).chain(self.words.iter().map(String::as_str));
        let text = all.collect::<Vec<_>>().join(" ");
        let filter = text.parse::<ActivityFilter>();
        filter.map_err(|error| CommandError::usage("[FILTER]...", error.to_string()))
    }
}
