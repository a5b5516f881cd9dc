use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file that pages use.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) name: &'static str,
    pub(super) content_type: &'static str,
    pub(super) bytes: &'static [u8],
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// Files of `gateway/assets/`, each under its path there.
macro_rules! assets {
    ($($name:literal $content_type:ident,)*) => {
        &[$(Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/", $name)),
        }),*]
    };
}

/// All of them; those of others with their licences.
pub(super) static ASSETS: &[Asset] = assets![
    "app.css" STYLE,
    "app.js" SCRIPT,
    "completion.js" SCRIPT,
    "editor.js" SCRIPT,
    "icon.svg" IMAGE,
    "plot.js" SCRIPT,
    "rhai.js" SCRIPT,
    "source.js" SCRIPT,
    "theme.js" SCRIPT,
    "vendor/codejar-4.3.0/LICENSE" TEXT,
    "vendor/codejar-4.3.0/codejar.js" SCRIPT,
    "vendor/htmx-4.0.1/LICENSE" TEXT,
    "vendor/htmx-4.0.1/htmx.min.js" SCRIPT,
    "vendor/htmx-4.0.1/hx-sse.min.js" SCRIPT,
    "vendor/prismjs-1.30.0/LICENSE" TEXT,
    "vendor/prismjs-1.30.0/prism-core.min.js" SCRIPT,
    "vendor/uplot-1.6.32/LICENSE" TEXT,
    "vendor/uplot-1.6.32/uPlot.iife.min.js" SCRIPT,
    "vendor/uplot-1.6.32/uPlot.min.css" STYLE,
];

/// A hash of all files: the folder that pages name them in, so that a browser may keep them for ever.
pub(in crate::dashboard) fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        for asset in ASSETS {
            hash.update(asset.name);
            hash.update([0]);
            hash.update(asset.bytes);
        }
        hex(&hash.finalize()[..8])
    });
    &VERSION
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The files of others are those that were published, each with its licence, and the program has all of them.
    #[test]
    fn files_of_others_are_unchanged_and_have_their_licences() {
        let vendor = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/vendor");
        let names = |folder: &Path| -> Vec<String> {
            let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
            entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect()
        };
        let mut found = BTreeMap::new();
        for package in names(&vendor).iter().filter(|name| vendor.join(name).is_dir()) {
            let (_, version) = package.rsplit_once('-').expect("a version");
            assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "the version of {package}");
            let files = names(&vendor.join(package));
            assert!(files.iter().any(|file| file == "LICENSE"), "{package} has no licence");
            for file in files {
                let name = format!("{package}/{file}");
                let bytes = fs::read(vendor.join(&name)).expect("a file");
                found.insert(name, hex(&Sha256::digest(bytes)));
            }
        }
        let recorded = fs::read_to_string(vendor.join("SHA256SUMS")).expect("the file of the hashes");
        let recorded = recorded.lines().map(|line| line.split_once("  ").expect("a hash and a name"));
        let recorded: BTreeMap<_, _> =
            recorded.map(|(hash, name)| (name.to_owned(), hash.to_owned())).collect();
        assert_eq!(found, recorded);
        let served = ASSETS.iter().filter_map(|asset| asset.name.strip_prefix("vendor/"));
        assert_eq!(served.collect::<Vec<_>>(), recorded.keys().collect::<Vec<_>>());
    }
}
