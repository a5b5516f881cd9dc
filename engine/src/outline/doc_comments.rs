/// The lines of a script, among them those of comments that describe it.
pub(super) struct DocComments<'a>(Vec<&'a str>);

impl<'a> DocComments<'a> {
    pub(super) fn of(source: &'a str) -> Self {
        Self(source.lines().collect())
    }

    /// The lines of `//!` at the beginning, after a line of `#!` and empty lines.
    pub(super) fn of_script(&self) -> String {
        let lines = self.0.iter().map(|line| line.trim());
        let lines =
            lines.skip_while(|line| line.is_empty() || (line.starts_with("//") && !line.starts_with("//!")));
        join(lines.map_while(|line| line.strip_prefix("//!")))
    }

    /// The lines of `///` before the function of that name whose body begins in `line`, from 1.
    ///
    /// Where the function is comes from the parser: so no text that only looks like one is taken for it.
    pub(super) fn of_function(&self, name: &str, line: usize) -> String {
        let to_body = self.0.get(..line).unwrap_or_default();
        let Some(first) = to_body.iter().rposition(|line| begins(line, name)) else { return String::new() };
        let before = to_body.get(..first).unwrap_or_default();
        let before = before.iter().rev().map(|line| line.trim()).skip_while(|line| line.is_empty());
        let mut lines: Vec<_> = before.map_while(|line| line.strip_prefix("///")).collect();
        lines.reverse();
        join(lines.into_iter())
    }
}

/// Whether a line begins with the function of that name: behind other text, the line above is not about the function.
fn begins(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        let after = line.get(at + name.len()..).unwrap_or_default();
        before.ends_with(char::is_whitespace) && before.trim() == "fn" && after.trim_start().starts_with('(')
    })
}

/// The lines without the blank that follows the mark.
fn join<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}
