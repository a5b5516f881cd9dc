/// The list of words.
pub(super) const LIST: &str = include_str!("words.txt");

/// A word or phrase that is not used, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// The words, in lower case. A `*` at the end of one stands for any ending.
    words: Vec<String>,
    /// Words that make it right where they follow.
    unless: Vec<String>,
    pub(super) instead: String,
    /// Whether it also holds for parts of names.
    in_names: bool,
}

impl Rule {
    /// Reads the lines `words | instead` and `words ! unless, unless | instead`; in a section `[names]` they also hold
    /// for names in code.
    pub(super) fn parse_all(list: &str) -> Result<Vec<Self>, String> {
        let mut rules = Vec::new();
        let mut in_names = false;
        for (number, line) in list.lines().enumerate() {
            match line.trim() {
                "" => {}
                line if line.starts_with('#') => {}
                "[names]" => in_names = true,
                "[prose]" => in_names = false,
                line => {
                    let wrong =
                        || format!("line {}: expected `words | what to write instead`: {line}", number + 1);
                    let (left, instead) = line.split_once('|').ok_or_else(wrong)?;
                    let (words, unless) = left.split_once('!').unwrap_or((left, ""));
                    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
                    let unless = unless.split(',').map(|word| word.trim().to_lowercase());
                    if words.is_empty() || instead.trim().is_empty() {
                        return Err(wrong());
                    }
                    rules.push(Self {
                        words,
                        unless: unless.filter(|word| !word.is_empty()).collect(),
                        instead: instead.trim().to_owned(),
                        in_names,
                    });
                }
            }
        }
        Ok(rules)
    }

    /// Whether `words` begin with it. `in_name` says that they are the parts of a name.
    pub(super) fn matches<'a>(&self, mut words: impl Iterator<Item = &'a str>, in_name: bool) -> bool {
        (self.in_names || !in_name)
            && self.words.iter().all(|expected| words.next().is_some_and(|word| same(expected, word)))
            && words.next().is_none_or(|next| !self.unless.iter().any(|word| word == next))
    }

    pub(super) fn text(&self) -> String {
        self.words.join(" ")
    }
}

fn same(expected: &str, word: &str) -> bool {
    match expected.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => word == expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_know_endings_exceptions_and_names() {
        let rules =
            Rule::parse_all("# list\nx y* ! z, w | a b\n[names]\nq | c").expect("the list is well formed");
        let matches = |rule: usize, words: &str, in_name| rules[rule].matches(words.split(' '), in_name);
        assert!(matches(0, "x yes no", false) && matches(0, "x y", false));
        assert!(!matches(0, "x yes z", false) && !matches(0, "x", false) && !matches(0, "xx y", false));
        assert!(!matches(0, "x yes", true) && matches(1, "q", true) && matches(1, "q", false));
        assert_eq!((rules[0].text().as_str(), rules[0].instead.as_str()), ("x y*", "a b"));
    }

    #[test]
    fn line_that_is_not_understood_is_an_error() {
        assert!(Rule::parse_all("x").is_err_and(|error| error.contains("line 1")));
        assert!(Rule::parse_all("\nx |").is_err_and(|error| error.contains("line 2")));
        assert!(Rule::parse_all("! y | z").is_err());
    }
}
