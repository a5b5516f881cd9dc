use std::collections::BTreeMap;

use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::cargo::Cargo;
use crate::error::Error;

/// The licences that a dependency may have, by their SPDX names. Each lets a program that is not open have it, if its text is
/// passed on.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Licences that one package may have beside these.
const EXCEPTIONS: &[(&str, &str)] = &[
    // Rhai needs it. Its licence wants changes of its own files to be published: there are none.
    ("smartstring", "MPL-2.0+"),
];

/// Checks that every package that the workspace can pull in, for any platform and with all features, has a licence that is
/// allowed.
pub(crate) fn check() -> Result<(), Error> {
    let packages = packages(&Cargo::new("metadata --format-version 1 --all-features").output()?)?;
    let wrong: Vec<_> = packages.iter().filter_map(Package::problem).collect();
    wrong.iter().for_each(|problem| println!("{problem}"));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for package in &packages {
        *counts.entry(package.licence.as_deref().unwrap_or("none")).or_default() += 1;
    }
    counts.iter().for_each(|(licence, count)| println!("{count:>4} {licence}"));
    match wrong.len() {
        0 => Ok(()),
        count => Err(Error::Found { what: "packages whose licence is not allowed", count }),
    }
}

/// A package, as `cargo metadata` knows it.
#[derive(Debug)]
struct Package {
    name: String,
    version: String,
    /// What its manifest says, as an expression of SPDX.
    licence: Option<String>,
}

impl Package {
    fn problem(&self) -> Option<String> {
        let Self { name, version, licence } = self;
        let Some(licence) = licence else { return Some(format!("{name} {version} names no licence")) };
        // Older packages write a slash for OR.
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
            return Some(format!("{name} {version}: {licence:?} is not an expression of SPDX"));
        };
        let is_allowed = expression.evaluate(|one| {
            let one = one.to_string();
            ALLOWED.contains(&&*one) || EXCEPTIONS.contains(&(&**name, &*one))
        });
        (!is_allowed)
            .then(|| format!("{name} {version}: {licence} is not among the licences that are allowed"))
    }
}

fn packages(metadata: &str) -> Result<Vec<Package>, Error> {
    let metadata: Value =
        serde_json::from_str(metadata).map_err(|error| Error::Unreadable(error.to_string()))?;
    let unreadable = |what: &str| Error::Unreadable(format!("{what} is missing"));
    let packages = metadata["packages"].as_array().filter(|packages| !packages.is_empty());
    let packages = packages.ok_or_else(|| unreadable("the list of packages"))?.iter();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    packages
        .map(|package| {
            Ok(Package {
                name: text(&package["name"]).ok_or_else(|| unreadable("a package's name"))?,
                version: text(&package["version"]).ok_or_else(|| unreadable("a package's version"))?,
                licence: text(&package["license"]),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(name: &str, licence: Value) -> Option<String> {
        let metadata = json!({ "packages": [{ "name": name, "version": "1.0.0", "license": licence }] });
        packages(&metadata.to_string()).expect("it is well formed").first().expect("a package").problem()
    }

    #[test]
    fn licences_are_allowed_by_name() {
        for licence in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0-only OR MIT",
            "(MIT OR GPL-2.0-only) AND BSD-3-Clause",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        ] {
            assert_eq!(problem("one", json!(licence)), None, "{licence}");
        }
        for licence in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "AGPL-3.0-or-later", "MPL-2.0+", "odd", ""] {
            let problem = problem("one", json!(licence)).expect(licence);
            assert!(problem.starts_with("one 1.0.0: "), "{problem}");
        }
        assert_eq!(problem("smartstring", json!("MPL-2.0+")), None);
        assert_eq!(problem("one", Value::Null).as_deref(), Some("one 1.0.0 names no licence"));
        assert!(packages("{}").is_err() && packages("no JSON").is_err());
    }
}
