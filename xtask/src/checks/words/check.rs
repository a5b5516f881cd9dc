use super::prose::{Phrase, of_path, of_rust, of_text};
use super::rule::{LIST, Rule};
use crate::cargo::workspace_root;
use crate::error::Error;
use crate::source::{SourceFile, files_with};

/// Checks every source file and document of the workspace.
pub(crate) fn check() -> Result<(), Error> {
    let rules = Rule::parse_all(LIST).map_err(|error| Error::Unreadable(format!("words.txt, {error}")))?;
    let files = files_with(workspace_root(), &["rs", "md", "lua", "rhai", "toml"])?;
    let found: Vec<_> = files.iter().flat_map(|file| found_in(&rules, file)).collect();
    found.iter().for_each(|found| println!("{found}"));
    let count = found.len();
    println!("{} files, {} rules, {count} found", files.len(), rules.len());
    if count == 0 { Ok(()) } else { Err(Error::Found { what: "words that are not used here", count }) }
}

/// Each find as `file:line: "word": what to write instead`.
fn found_in(rules: &[Rule], file: &SourceFile) -> Vec<String> {
    let phrases = if file.path.ends_with(".rs") { of_rust(&file.text) } else { of_text(&file.text) };
    let phrases = of_path(&file.path).into_iter().chain(phrases);
    let mut found: Vec<_> = phrases.flat_map(|phrase| found_in_phrase(rules, &phrase)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let rules = Rule::parse_all(LIST).expect("the list is well formed");
        found_in(&rules, &SourceFile { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn every_word_of_the_list_is_found_in_a_comment_and_a_document() {
        let rules = Rule::parse_all(LIST).expect("the list is well formed");
        assert!(rules.len() > 30, "{}", rules.len());
        for rule in &rules {
            let words = rule.text().replace('*', "s");
            let told = format!("\"{}\": {}", rule.text(), rule.instead);
            let comment = format!("fn f() {{}}\n/// It is {},\nfn g() {{}}", words.replace(' ', "\n/// "));
            let document = format!("# Title\n\nIt is {words}.");
            for (path, text, line) in [("a.rs", comment, 2), ("a.md", document, 3)] {
                let found = found(path, &text);
                assert!(found.contains(&format!("{path}:{line}: {told}")), "{text}\n{found:?}");
            }
        }
    }

    #[test]
    fn names_of_the_list_are_found_in_code_and_phrases_are_not() {
        // The parts are put together here, as this file is checked, too.
        let name = ["Bur", "ied"].concat();
        assert_eq!(found("a.rs", &format!("struct My{name}Task;\nfn is{}() {{}}", "_no")).len(), 1);
        assert_eq!(found(&format!("{}-tasks.md", name.to_lowercase()), "").len(), 1);
        assert_eq!(found("a.lua", &format!("local {}_at = 1", name.to_lowercase())).len(), 1);
    }

    #[test]
    fn text_without_them_passes() {
        let text =
            "/// The worker keeps its credit, which is no longer bounded by the nominal list.\nfn f() {}";
        assert!(found("a.rs", text).is_empty());
    }
}
