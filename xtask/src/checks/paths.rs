use std::path::{Component, Path, PathBuf};

use crate::cargo::workspace_root;
use crate::error::Error;
use crate::source::{SourceFile, Token, files_with, tokens};

/// Checks that every file and folder that a document names is there, and holds the code that is named with it.
pub(crate) fn check() -> Result<(), Error> {
    let root = workspace_root();
    let folders = top_folders(root)?;
    let mut count = 0;
    let mut named = 0;
    for document in files_with(root, &["md"])? {
        for mention in mentions(&document, &folders) {
            named += 1;
            if let Some(problem) = mention.problem(root) {
                count += 1;
                println!("{}:{}: {problem}", document.path, mention.line);
            }
        }
    }
    println!("{named} paths, {count} wrong");
    if count == 0 { Ok(()) } else { Err(Error::Found { what: "paths in documents that are wrong", count }) }
}

/// A path in a document.
#[derive(Debug, PartialEq, Eq)]
struct Mention {
    line: usize,
    /// From the root of the workspace on.
    path: String,
    /// The code that stands there, as in `Queue::submit` (`src/queue.rs`).
    code: Option<String>,
}

impl Mention {
    fn problem(&self, root: &Path) -> Option<String> {
        let path = root.join(&self.path);
        if !path.exists() {
            let moved = self.moved(root).map_or_else(String::new, |moved| format!("; see {moved}"));
            return Some(format!("{} does not exist{moved}", self.path));
        }
        let code = self.code.as_ref()?;
        // Of `Queue::submit` or `submit(&task)` the last name: the file may spell the rest otherwise.
        let code = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next()?;
        let name = code.rsplit("::").next().filter(|name| !name.is_empty())?;
        let sources = if path.is_dir() {
            files_with(&path, &["rs", "lua"])
                .map(|files| files.into_iter().map(|file| file.text).collect())
                .ok()?
        } else {
            vec![std::fs::read_to_string(&path).ok()?]
        };
        let has_name =
            |text: &String| text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name);
        (!sources.iter().any(has_name)).then(|| format!("{} does not hold `{name}`", self.path))
    }

    /// Where a file may have moved within its package: one of the same name, or one that defines the code.
    fn moved(&self, root: &Path) -> Option<String> {
        let (package, rest) = self.path.split_once("/src/")?;
        let name = rest.rsplit('/').next()?;
        let files = files_with(&root.join(package), &["rs", "lua"]).ok()?;
        let code = self.code.as_deref().and_then(|code| code.rsplit("::").next());
        let defines = |file: &SourceFile| {
            let is_definition = |pair: &[Token<'_>]| {
                ["struct", "enum", "trait", "fn"].contains(&pair[0].text) && Some(pair[1].text) == code
            };
            file.path.ends_with(".rs") && tokens(&file.text).windows(2).any(is_definition)
        };
        let same_name = files.iter().find(|file| file.path.rsplit('/').next() == Some(name));
        let found = files.iter().find(|file| defines(file)).or(same_name)?;
        Some(format!("{package}/{}", found.path))
    }
}

/// The names of the folders in the root, which a path in a text begins with.
fn top_folders(root: &Path) -> Result<Vec<String>, Error> {
    let unreadable = |error| Error::Unreadable(format!("{}: {error}", root.display()));
    let mut found = Vec::new();
    for entry in root.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

/// The links of a document to files, and the paths in its code and commands that begin with a folder of the workspace.
fn mentions(document: &SourceFile, folders: &[String]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut is_commands = false;
    for (number, text) in document.text.lines().enumerate() {
        let line = number + 1;
        if text.trim_start().starts_with("```") {
            fenced = !fenced;
            is_commands = fenced && (text.contains("console") || text.contains("sh"));
            continue;
        }
        if fenced && !is_commands {
            continue;
        }
        if fenced {
            let words =
                text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | ','));
            found.extend(words.filter_map(|word| {
                in_workspace(word, folders).map(|path| Mention { line, path, code: None })
            }));
            continue;
        }
        let mut before: Option<(&str, &str)> = None;
        for (at, part) in text.split('`').enumerate() {
            if at % 2 == 0 {
                found.extend(links(part).filter_map(|link| {
                    beside(&document.path, link).map(|path| Mention { line, path, code: None })
                }));
                before = before.filter(|_| part == " (").map(|(code, _)| (code, part));
            } else if let Some(path) = in_workspace(part, folders) {
                let code =
                    before.take().filter(|(_, between)| *between == " (").map(|(code, _)| code.to_owned());
                found.push(Mention { line, path, code });
            } else {
                before = Some((part, ""));
            }
        }
    }
    found
}

/// The path, if the word is one that begins with a folder of the workspace.
fn in_workspace(word: &str, folders: &[String]) -> Option<String> {
    let word = word.trim_end_matches(['.', ',', ';', ':']);
    let (folder, rest) = word.split_once('/')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    (folders.iter().any(|name| name == folder) && rest.chars().all(plain)).then(|| word.to_owned())
}

/// The targets of links in Markdown.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// Where a link leads that stands in the document at `path`; none if it leads to the web or into the document.
fn beside(path: &str, link: &str) -> Option<String> {
    let link = link.split('#').next().unwrap_or_default();
    if link.is_empty() || link.contains(':') {
        return None;
    }
    let mut target = PathBuf::from(path);
    target.pop();
    for component in Path::new(link).components() {
        if component == Component::ParentDir {
            target.pop();
        } else {
            target.push(component);
        }
    }
    Some(target.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String, Option<String>)> {
        let document = SourceFile { path: "docs/A.md".to_owned(), text: text.to_owned() };
        let folders = ["core".to_owned(), "docs".to_owned()];
        mentions(&document, &folders).into_iter().map(|found| (found.line, found.path, found.code)).collect()
    }

    #[test]
    fn links_and_paths_in_code_are_found() {
        let text = "[one](B.md#top), [two](../README.md), [three](https://example.org/x), [four](#here)\n\
                    `core/src/` and `src/lib.rs` and `core/a b`, `Task::new` (`core/src/task.rs`).\n\
                    ```console\n$ cat core/x.txt other/y.txt\n```\n`docs/decisions/NNNN-title.md`";
        let expected = [
            (1, "docs/B.md".to_owned(), None),
            (1, "README.md".to_owned(), None),
            (2, "core/src/".to_owned(), None),
            (2, "core/src/task.rs".to_owned(), Some("Task::new".to_owned())),
            (4, "core/x.txt".to_owned(), None),
            (6, "docs/decisions/NNNN-title.md".to_owned(), None),
        ];
        assert_eq!(found(text), expected);
    }

    #[test]
    fn path_that_is_missing_and_code_that_is_elsewhere_are_told() {
        let root = workspace_root();
        let problem = |path: &str, code: Option<&str>| {
            Mention { line: 1, path: path.to_owned(), code: code.map(str::to_owned) }.problem(root)
        };
        assert_eq!(problem("xtask/src", None), None);
        assert_eq!(problem("xtask/src/main.rs", Some("Chore::Bench")), None);
        assert_eq!(problem("xtask/src/no.rs", None), Some("xtask/src/no.rs does not exist".to_owned()));
        let moved = "xtask/src/paths.rs does not exist; see xtask/src/checks/paths.rs".to_owned();
        assert_eq!(problem("xtask/src/paths.rs", None), Some(moved));
        let moved = "xtask/src/mention.rs does not exist; see xtask/src/checks/paths.rs".to_owned();
        assert_eq!(problem("xtask/src/mention.rs", Some("Mention")), Some(moved));
        let missing = "xtask/src/main.rs does not hold `Bencher`".to_owned();
        assert_eq!(problem("xtask/src/main.rs", Some("Chore::Bencher")), Some(missing));
    }
}
