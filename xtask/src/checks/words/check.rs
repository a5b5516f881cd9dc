use super::prose::{Phrase, of_rust, of_text};
use super::rule::{LIST, Rule};
use crate::cargo::workspace_root;
use crate::error::Error;
use crate::source::{SourceFile, files_with};

/// Checks every source file and document of the workspace.
pub(crate) fn check() -> Result<(), Error> {
    let rules = Rule::parse_all(LIST).map_err(|error| Error::Unreadable(format!("words.txt, {error}")))?;
    let mut count = 0;
    let files = files_with(workspace_root(), &["rs", "md", "lua", "rhai", "toml"])?;
    for file in &files {
        for found in found_in(&rules, file) {
            count += 1;
            println!("{found}");
        }
    }
    println!("{} files, {} words that are not used, {count} found", files.len(), rules.len());
    if count == 0 { Ok(()) } else { Err(Error::Found { what: "words that are not used here", count }) }
}

/// Each find as `file:line: "word": what to write instead`.
fn found_in(rules: &[Rule], file: &SourceFile) -> Vec<String> {
    let phrases = if file.path.ends_with(".rs") { of_rust(&file.text) } else { of_text(&file.text) };
    let mut found: Vec<_> = phrases.iter().flat_map(|phrase| found_in_phrase(rules, phrase)).collect();
    found.sort_by_key(|(line, _)| *line);
    let text = |(line, rule): &(usize, &Rule)| {
        format!("{}:{line}: \"{}\": {}", file.path, rule.text(), rule.instead)
    };
    found.iter().map(text).collect()
}

fn found_in_phrase<'a>(rules: &'a [Rule], phrase: &Phrase) -> Vec<(usize, &'a Rule)> {
    let mut found = Vec::new();
    for (at, (_, line)) in phrase.words.iter().enumerate() {
        for rule in rules {
            if rule.matches(phrase.words[at..].iter().map(|(word, _)| word.as_str()), phrase.is_name) {
                found.push((*line, rule));
            }
        }
    }
    found
}
