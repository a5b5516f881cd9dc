use crate::source::{TokenKind, tokens};

/// Words that belong together, in lower case: a sentence, or the parts of a name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Phrase {
    /// Each with its line, 1-based.
    pub(super) words: Vec<(String, usize)>,
    pub(super) is_name: bool,
}

/// The sentences of a text: a phrase ends at a mark, and goes over the ends of lines.
pub(super) fn of_text(text: &str) -> Vec<Phrase> {
    let mut found = Sentences::default();
    for (line, content) in text.lines().enumerate() {
        found.read(content, line + 1);
    }
    found.ended()
}

/// The comments, strings and names of Rust source.
pub(super) fn of_rust(source: &str) -> Vec<Phrase> {
    let mut found = Vec::new();
    let mut comments = Sentences::default();
    for token in tokens(source) {
        let mut texts = Sentences::default();
        match token.kind {
            TokenKind::Comment => {
                // A sentence may continue in the comment of the next line.
                comments.read_lines(token.text, token.line);
                continue;
            }
            // The letter of an escape does not belong to the word behind it.
            TokenKind::Text => texts.read_lines(&token.text.replace("\\n", ". "), token.line),
            TokenKind::Ident => found.push(name(token.text, token.line)),
            TokenKind::Other | TokenKind::Punct => {}
        }
        found.append(&mut texts.ended());
        comments.end();
    }
    found.append(&mut comments.ended());
    found
}

/// The names in the path of a file, for line 1.
pub(super) fn of_path(path: &str) -> Vec<Phrase> {
    path.split('/').map(|part| name(&part.replace(['-', '.'], "_"), 1)).collect()
}

/// The parts of a name: of `RunQueue` and `run_queue` they are `run` and `queue`.
fn name(name: &str, line: usize) -> Phrase {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        if (c == '_' || (c.is_uppercase() && after_lower)) && !word.is_empty() {
            words.push((std::mem::take(&mut word), line));
        }
        if c != '_' {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    if !word.is_empty() {
        words.push((word, line));
    }
    Phrase { words, is_name: true }
}

/// Collects words into sentences.
#[derive(Debug, Default)]
struct Sentences {
    done: Vec<Phrase>,
    current: Phrase,
}

impl Sentences {
    fn read_lines(&mut self, text: &str, first: usize) {
        for (line, content) in text.lines().enumerate() {
            self.read(content, first + line);
        }
    }

    fn read(&mut self, content: &str, line: usize) {
        // The marks of a comment do not belong to the sentence.
        let content = content.trim_start();
        let content = content.trim_start_matches(['/', '!', '*', '>', '#', '-']);
        if content.trim().is_empty() {
            return self.end();
        }
        let mut word = String::new();
        for c in content.chars().chain([' ']) {
            // The parts of a name in a text are words, too.
            if c.is_alphanumeric() {
                word.extend(c.to_lowercase());
                continue;
            }
            if !word.is_empty() {
                self.current.words.push((std::mem::take(&mut word), line));
            }
            if !c.is_whitespace() && !matches!(c, '*' | '_' | '`' | '-' | '\'') {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        if !self.current.words.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
        }
    }

    fn ended(mut self) -> Vec<Phrase> {
        self.end();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(phrases: Vec<Phrase>) -> Vec<String> {
        let text = |phrase: Phrase| {
            phrase.words.iter().map(|(word, line)| format!("{word}@{line}")).collect::<Vec<_>>().join(" ")
        };
        phrases.into_iter().map(text).collect()
    }

    #[test]
    fn sentences_go_over_lines_and_end_at_marks() {
        let found = plain(of_text("A task\nwaits, then *runs*.\n\n- No\n  end\n\nnew"));
        assert_eq!(found, ["a@1 task@1 waits@2", "then@2 runs@2", "no@4 end@5", "new@7"]);
    }

    #[test]
    fn sentence_continues_in_the_comment_of_the_next_line() {
        let found = plain(of_rust("/// It goes\n/// far\nfn RunQueue() { f(\"one two\") } // last"));
        let expected = ["fn@3", "run@3 queue@3", "f@3", "one@3 two@3", "it@1 goes@1 far@2", "last@3"];
        assert_eq!(found, expected);
    }

    #[test]
    fn apostrophes_and_escapes_hide_no_word() {
        assert_eq!(plain(of_text("a task's 'end'")), ["a@1 task@1 s@1 end@1"]);
        assert_eq!(plain(of_rust(r#""one\ntwo""#)), ["one@1", "two@1"]);
    }

    #[test]
    fn parts_of_names_are_words() {
        let parts = |text: &str| name(text, 1).words.into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        assert_eq!(parts("KEEP_CREDIT"), ["keep", "credit"]);
        assert_eq!(parts("RhaiWorkerBuilder"), ["rhai", "worker", "builder"]);
        assert_eq!(parts("_unused_x2"), ["unused", "x2"]);
        assert_eq!(plain(of_path("my-docs/a_b.rs")), ["my@1 docs@1", "a@1 b@1 rs@1"]);
    }
}
