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
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    });
    &VERSION
}
