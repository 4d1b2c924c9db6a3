//! The URL of a receiver. It may hold a secret, so only its host is ever shown.

use crate::s3_place::is_loopback;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most bytes of a URL.
const LONGEST: usize = 2048;

/// `https://HOST[:PORT][/PATH]`, or the same with `http:`. Its `Debug` shows only the host.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Url(String);

impl Url {
    /// Reads a URL. None: it is not one, or it holds a name and a password.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let host = rest.split(['/', '?', '#']).next()?;
        let is_text = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_host = !host.is_empty() && !host.starts_with(':') && !host.contains(['@', '\\']);
        (is_text && is_host).then(|| Self(text.to_owned()))
    }

    /// The host, and the port if there is one.
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    }

    /// All of it. It may hold a secret.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    pub(super) fn is_plain(&self) -> bool {
        self.0.starts_with("http:")
    }

    pub(super) fn is_loopback(&self) -> bool {
        let scheme = self.0.find("://").map_or(0, |at| at + 3);
        is_loopback(&self.0[..scheme + self.host().len()])
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({}/…)", self.host())
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Url;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL such as \"https://example.com/path\", without a name or a password before the host")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Url, E> {
                // What was given may hold a secret.
                Url::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Other("such a text"), &self))
            }
        }

        deserializer.deserialize_str(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_is_shown() {
        for (text, host, is_loopback) in [
            ("https://example.com/hunter2", "example.com", false),
            ("https://example.com:8443?hunter2", "example.com:8443", false),
            ("http://127.0.0.1:99/hunter2", "127.0.0.1:99", true),
            ("http://[::1]:99#hunter2", "[::1]:99", true),
            ("http://localhost", "localhost", true),
            ("http://127.0.0.1.example.com/", "127.0.0.1.example.com", false),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.host(), url.is_loopback()), (host, is_loopback));
            assert!(!format!("{url:?}").contains("hunter2"));
        }
        for text in [
            "",
            "https://",
            "https:///x",
            "ftp://x",
            "https://a@b/",
            "http://127.0.0.1\\@b/",
            "https://a b",
            "https://:80/",
            "HTTPS://x",
            "http://é",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }
}
