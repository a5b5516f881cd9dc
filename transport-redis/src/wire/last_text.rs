use std::sync::Arc;

/// Shares a text with the entry before it, if that has the same: most tasks of a batch have one caller and few names.
#[derive(Debug, Default)]
pub(super) struct LastText(Option<Arc<str>>);

impl LastText {
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        match &self.0 {
            Some(last) if **last == *text => Arc::clone(last),
            _ => Arc::clone(self.0.insert(text.into())),
        }
    }
}
