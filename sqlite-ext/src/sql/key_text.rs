//! Texts that hold a key, or the beginning of one.

use lifeboat_core::keys::KeyKind;
use lifeboat_core::{Error, Result};
use zeroize::Zeroizing;

/// The kind of key whose beginning occurs somewhere in a text, also in groups.
pub(crate) fn key_in(text: &[u8]) -> Option<KeyKind> {
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect());
    let is_at = |kind: &KeyKind, start: usize| {
        compact[start..].strip_prefix(kind.prefix.as_bytes()).is_some_and(|behind| behind.first() == Some(&b'1'))
    };
    KeyKind::ALL.into_iter().find(|kind| (0..compact.len()).any(|start| is_at(kind, start)))
}

/// Refuses a name that holds a secret key: names are shown. `what` it is the name of.
///
/// # Errors
/// Misuse.
pub(crate) fn refuse_secret(name: &str, what: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    if KeyKind::SECRET.iter().any(|kind| lower.contains(&format!("{}1", kind.prefix))) {
        return Err(Error::misuse(format!(
            "{what} holds a secret key, and would be shown; look at the order of the arguments"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::redact::secret_key_in;

    #[test]
    fn each_kind_of_key_is_known_by_its_beginning() {
        for kind in KeyKind::ALL {
            let begins = format!("{}1q", kind.prefix);
            assert_eq!(key_in(begins.as_bytes()), Some(kind), "{begins}");
            let secret = KeyKind::SECRET.contains(&kind).then_some(kind.name);
            assert_eq!(secret_key_in(begins.as_bytes()), secret, "{begins}");
        }
    }
}
