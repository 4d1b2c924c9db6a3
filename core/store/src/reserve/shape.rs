//! The fields of the two files, as they are written.

use crate::events::Settings;
use crate::prune::Keep;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// The shared configuration: the same file on each machine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shared {
    /// From the name of each copy to its store.
    pub copies: Named,
    pub minimum: Option<usize>,
    pub retention: Option<Keep>,
    pub events: Option<Settings>,
}

/// The local configuration: how this machine reaches the copies of a shared one. A name that the shared one does not
/// have is passed over, so that a copy may be removed there first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Local {
    /// The path of the shared configuration.
    pub shared: String,
    /// The stores of copies that this machine reaches in another way.
    #[serde(default)]
    pub here: Named,
    /// For copies on S3: the file of credentials, the profile in it, and the certificates that are trusted.
    #[serde(default)]
    pub credentials: PerCopy,
    #[serde(default)]
    pub profile: PerCopy,
    #[serde(default)]
    pub ca: PerCopy,
}

/// Whether this is a local configuration. Text that is not JSON is not one.
pub(super) fn is_local(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        shared: Option<IgnoredAny>,
    }
    serde_json::from_str::<Probe>(text).is_ok_and(|probe| probe.shared.is_some())
}

/// From names to texts, in the order of the file.
#[derive(Default)]
pub(super) struct Named(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Named;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from the names of copies to stores, such as {\"office\": \"dir:/mnt/office\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
                let mut named: Vec<(String, String)> = Vec::new();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    if named.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format_args!("the copy `{name}` stands there twice")));
                    }
                    named.push((name, text));
                }
                Ok(Named(named))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// A text for all copies, or one for each of some.
#[derive(Default)]
pub(super) struct PerCopy {
    all: Option<String>,
    named: Named,
}

impl PerCopy {
    /// The text for this copy.
    pub fn of(&self, name: &str) -> Option<&str> {
        let own = self.named.0.iter().find(|(other, _)| other == name).map(|(_, text)| text);
        own.or(self.all.as_ref()).map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for PerCopy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = PerCopy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a text for all copies, or an object from the names of copies (\"*\" for all others) to texts",
                )
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PerCopy, E> {
                Ok(PerCopy { all: Some(text.to_owned()), named: Named::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PerCopy, A::Error> {
                let Named(mut named) = Named::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let all = named.iter().position(|(name, _)| name == "*").map(|at| named.remove(at).1);
                Ok(PerCopy { all, named: Named(named) })
            }
        }

        deserializer.deserialize_any(Reader)
    }
}
