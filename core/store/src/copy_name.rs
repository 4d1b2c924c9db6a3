//! What a copy is called in texts and reports.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a copy is called in texts and reports. It must not hold a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct CopyName {
    /// Its name in a shared configuration. None: the store was named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
    /// The name of its store.
    pub store: String,
}

impl CopyName {
    /// Whether a caller can mean this copy by that text: its name in the configuration, or its store.
    pub fn is_called(&self, text: &str) -> bool {
        let shown = self.to_string();
        self.copy.as_deref() == Some(text) || self.store == text || shown == text
    }
}

impl fmt::Display for CopyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.copy {
            Some(copy) => write!(f, "{copy} ({})", self.store),
            None => f.write_str(&self.store),
        }
    }
}

impl From<String> for CopyName {
    fn from(store: String) -> Self {
        Self { copy: None, store }
    }
}

impl From<&str> for CopyName {
    fn from(store: &str) -> Self {
        store.to_owned().into()
    }
}

impl PartialEq<&str> for CopyName {
    fn eq(&self, text: &&str) -> bool {
        self.is_called(text)
    }
}
