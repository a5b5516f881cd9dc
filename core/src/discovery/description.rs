use std::fs;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::HandlerInfo;
use crate::FiguresConfig;

/// What an instance is and what it can be called for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InstanceDescription {
    /// The version of rhai-dispatcher.
    pub version: String,
    /// The name of its machine; empty if that is not known.
    pub host: String,
    /// The id of its process.
    pub pid: u32,
    /// How many lanes it has.
    pub threads: usize,
    /// Whether it shuts down: it claims nothing more, and ends when its running tasks have ended or are released.
    pub draining: bool,
    /// The handlers, by name.
    pub handlers: Vec<HandlerInfo>,
    /// How many methods are left out, since there are more than `max_handlers`, `max_methods` or
    /// `max_description_bytes` of [`FiguresConfig`] allow. They can be called all the same.
    pub left_out: usize,
}

impl InstanceDescription {
    /// That of this process.
    pub(crate) fn of_this_process(threads: usize, handlers: Vec<HandlerInfo>) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            version,
            host: host(),
            pid: std::process::id(),
            threads,
            draining: false,
            handlers,
            left_out: 0,
        }
    }

    /// Reads what an instance has announced. A text that is not one describes nothing.
    pub(crate) fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The JSON text, within the bounds: long texts go before methods do.
    pub(crate) fn into_text(mut self, bounds: &FiguresConfig) -> Arc<str> {
        let before = self.method_count();
        self.handlers.truncate(bounds.max_handlers);
        for handler in &mut self.handlers {
            handler.methods.truncate(bounds.max_methods);
        }
        self.left_out = before - self.method_count();
        let text = self.text();
        if text.len() <= bounds.max_description_bytes {
            return text;
        }
        self.shorten();
        let mut text = self.text();
        while text.len() > bounds.max_description_bytes && !self.handlers.is_empty() {
            self.halve();
            self.left_out = before - self.method_count();
            text = self.text();
        }
        text
    }

    fn method_count(&self) -> usize {
        self.handlers.iter().map(|handler| handler.methods.len()).sum()
    }

    fn text(&self) -> Arc<str> {
        // Nothing of it fails to be JSON: its keys are texts.
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// Keeps the names, and the first line of each description, without schemas.
    fn shorten(&mut self) {
        /// The longest description that is left.
        const MAX_CHARS: usize = 80;
        let shorten = |text: &mut String| {
            *text = text.lines().next().unwrap_or_default().chars().take(MAX_CHARS).collect();
        };
        for handler in &mut self.handlers {
            shorten(&mut handler.description);
            for method in &mut handler.methods {
                shorten(&mut method.description);
                method.schema = None;
                for parameter in method.forms.iter_mut().flat_map(|form| &mut form.parameters) {
                    parameter.description.clear();
                    parameter.schema = None;
                }
            }
        }
    }

    /// Leaves out the last half of the methods.
    fn halve(&mut self) {
        let mut left = self.method_count() / 2;
        for handler in &mut self.handlers {
            handler.methods.truncate(left);
            left -= handler.methods.len();
        }
        self.handlers.retain(|handler| !handler.methods.is_empty());
    }
}

/// The name of this machine, as far as the standard library gives it.
fn host() -> String {
    let kernel = || fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let environment = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let name = kernel().or_else(environment).unwrap_or_default();
    name.trim().chars().take(255).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HandlerType, MethodInfo, MethodName};

    fn description(handlers: usize, methods: usize) -> InstanceDescription {
        let handlers = (0..handlers).map(|handler| {
            let mut info = HandlerInfo::new(format!("h{handler}"), HandlerType::Native);
            info.methods = (0..methods)
                .map(|method| {
                    let name = MethodName::try_from(format!("h{handler}.m{method}")).expect("a name");
                    let mut info = MethodInfo::new(name, Vec::new());
                    info.description = format!("first\n{}", "x".repeat(200));
                    info
                })
                .collect();
            info
        });
        InstanceDescription::of_this_process(2, handlers.collect())
    }

    #[test]
    fn description_keeps_its_bounds() {
        let bounds = FiguresConfig::default().with_max_handlers(3).with_max_methods(4);
        let text = description(5, 6).into_text(&bounds);
        let back = InstanceDescription::parse(&text);
        assert_eq!((back.handlers.len(), back.handlers[0].methods.len(), back.left_out), (3, 4, 30 - 12));
        assert_eq!((back.pid, back.threads), (std::process::id(), 2));

        let bounds = FiguresConfig::default().with_max_description_bytes(3_000);
        let back = InstanceDescription::parse(&description(2, 10).into_text(&bounds));
        assert_eq!((back.method_count(), back.left_out), (20, 0), "texts go first");
        assert_eq!(back.handlers[0].methods[0].description, "first");

        let bounds = FiguresConfig::default().with_max_description_bytes(1_000);
        let text = description(2, 100).into_text(&bounds);
        let back = InstanceDescription::parse(&text);
        assert!(text.len() <= 1_000 && back.method_count() > 0, "{}", text.len());
        assert_eq!(back.method_count() + back.left_out, 200);
    }

    #[test]
    fn description_of_a_later_version_is_read() {
        let text = r#"{"version":"9","later":1,"handlers":[{"name":"a","description":"","typ":"later","threads":0,
            "methods":[],"file":null}]}"#;
        let back = InstanceDescription::parse(text);
        assert_eq!((back.handlers[0].typ, back.version.as_str()), (HandlerType::Other, "9"));
        assert_eq!(InstanceDescription::parse("no JSON"), InstanceDescription::default());
    }
}
