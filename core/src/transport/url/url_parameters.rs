use std::fmt;

use super::{UrlValue, decode_percent};
use crate::invalid::quoted;
use crate::{Invalid, nearest};

/// The settings in the query of a transport's URL, such as `lease=10s&queue_limit=500`.
///
/// A transport takes those that it knows, and refuses what is left.
#[derive(Clone, Default)]
pub struct UrlParameters {
    /// The setter of the URL, for errors.
    field: &'static str,
    /// Names and values, decoded.
    pairs: Vec<(String, String)>,
}

impl UrlParameters {
    /// Takes the query off a URL that was given to the setter `field`. Neither has to have anything in it.
    ///
    /// A `?` before the last `@` is a part of the password.
    ///
    /// # Errors
    /// If a parameter has no value, is there twice, or can't be decoded.
    pub fn split<'a>(field: &'static str, url: &'a str) -> Result<(&'a str, Self), Invalid> {
        match url.rfind('?').filter(|at| url.rfind('@').is_none_or(|user| user < *at)) {
            Some(at) => Ok((&url[..at], Self::parse(field, &url[at + 1..])?)),
            None => Ok((url, Self { field, pairs: Vec::new() })),
        }
    }

    fn parse(field: &'static str, query: &str) -> Result<Self, Invalid> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (number, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            let refuse = |problem: &str, hint: &str| {
                let name = quoted(pair.split('=').next().unwrap_or_default());
                Invalid::new(field, format!("has a parameter {name} that {problem}"), hint.to_owned())
            };
            let Some((name, value)) = pair.split_once('=') else {
                // It is not shown: it may be a part of a password.
                let problem = format!("has no value in its parameter number {}", number + 1);
                return Err(Invalid::new(field, problem, "write name=value, and in a value a & as %26"));
            };
            let decoded =
                |text: &str| decode_percent(text).map_err(|problem| refuse(problem, "write a % as %25"));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(refuse("is there twice", "give it once"));
            }
            pairs.push((name, value));
        }
        Ok(Self { field, pairs })
    }

    /// The names of those that were not taken yet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_str())
    }

    /// Takes a parameter, if it is there.
    ///
    /// # Errors
    /// If its value is of another type, by the name of the parameter.
    pub fn take<T: UrlValue>(&mut self, name: &'static str) -> Result<Option<T>, Invalid> {
        let Some(at) = self.pairs.iter().position(|(other, _)| other == name) else { return Ok(None) };
        let (_, text) = self.pairs.remove(at);
        let value = T::from_text(&text).map_err(|problem| {
            let hint = format!("write {name}={} in the URL", T::EXAMPLE);
            Invalid::new(name, format!("{} {problem}", quoted(&text)), hint)
        });
        value.map(Some)
    }

    /// Takes a parameter into a setting, which stays as it is if there is none.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn set<T: UrlValue>(&mut self, name: &'static str, setting: &mut T) -> Result<(), Invalid> {
        if let Some(value) = self.take(name)? {
            *setting = value;
        }
        Ok(())
    }

    /// Ends the reading of a URL whose transport knows these parameters.
    ///
    /// # Errors
    /// The first one that was not taken, with the nearest that is known.
    pub fn finish<'a>(self, known: impl IntoIterator<Item = &'a str> + Clone) -> Result<(), Invalid> {
        let Some((name, _)) = self.pairs.first() else { return Ok(()) };
        let hint = match nearest(name, known.clone()) {
            Some(near) => format!("write {near}, if that is meant"),
            None => format!("use one of {}", known.into_iter().collect::<Vec<_>>().join(", ")),
        };
        Err(Invalid::new(self.field, format!("has an unknown parameter {}", quoted(name)), hint))
    }
}

/// Without values: one of them may be a password.
impl fmt::Debug for UrlParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn split(url: &str) -> Result<(&str, UrlParameters), Invalid> {
        UrlParameters::split("url", url)
    }

    #[test]
    fn known_parameters_are_taken_and_the_rest_is_refused() {
        let (server, mut parameters) =
            split("redis://u:p?x=1@host/0?lease=1m30s&&prefix=a%26b&limit=7").expect("a query");
        assert_eq!(server, "redis://u:p?x=1@host/0");
        let mut lease = Duration::ZERO;
        parameters.set("lease", &mut lease).expect("a duration");
        assert_eq!(lease, Duration::from_secs(90));
        assert_eq!(parameters.take::<String>("prefix"), Ok(Some("a&b".into())));
        assert_eq!(parameters.take::<u32>("other"), Ok(None));
        let error = parameters.clone().finish(["limits", "other"]).expect_err("one is left");
        assert_eq!(
            error.to_string(),
            "url: has an unknown parameter \"limit\"; write limits, if that is meant"
        );
        let error = parameters.clone().finish(["quux", "other"]).expect_err("one is left");
        assert!(error.hint.contains("quux, other"), "{error}");
        assert_eq!(parameters.take::<usize>("limit"), Ok(Some(7)));
        assert_eq!(parameters.finish([]), Ok(()));
        let (server, parameters) = split("redis://u:p?lease=1@host").expect("no query");
        assert_eq!((server, parameters.names().count()), ("redis://u:p?lease=1@host", 0));
    }

    #[test]
    fn bad_values_are_refused_by_name_problem_and_form() {
        for (query, says) in [
            ("lease=10", "lease: \"10\" is not a duration (time unit needed"),
            ("lease=-1s", "write lease=500ms, 10s or 1h"),
            ("limit=-1", "limit: \"-1\" is not a whole number from 0 to 4294967295; write limit=1000"),
            ("limit=+1", "limit:"),
            ("limit=", "limit:"),
            ("limit=4294967296", "limit:"),
        ] {
            let url = format!("memory:?{query}");
            let (_, mut parameters) = split(&url).expect(query);
            let mut read = || {
                parameters.take::<Duration>("lease")?;
                parameters.take::<u32>("limit")
            };
            let error = read().expect_err(query).to_string();
            assert!(error.contains(says), "{query}: {error}");
        }
        for bad in ["lease", "a=1&a=2", "a=%2", "a%=1"] {
            assert_eq!(split(&format!("memory:?{bad}")).expect_err(bad).field, "url");
        }
    }
}
