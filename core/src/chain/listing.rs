//! What the signed end of a bundle lists, for who has no key: by it each item is checked by itself (`FORMAT.md`, "Footer").

use crate::alloc;
use crate::chain::ending::{items, read_footer};
use crate::chain::source::Source;
use crate::crypto::digest::sha256;
use crate::crypto::id::StateId;
use crate::crypto::key::VerifyKey;
use crate::error::{Error, Result};

/// An item of a bundle: the header, a chunk, or a page of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The offset of its first byte.
    pub offset: u64,
    /// How many bytes it has.
    pub length: usize,
    /// The hash of these.
    pub sha256: [u8; 32],
}

impl Item {
    /// Whether these are its bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.length && sha256(bytes) == self.sha256
    }
}

/// What a bundle's footer says: whoever signed it, it is consistent. Who reads a bundle from several copies can tell by it
/// which items of which copy are sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The state that it leads from; none: it is a full bundle.
    pub base_id: Option<StateId>,
    /// The state that it leads to.
    pub state_id: StateId,
    /// The key that signed it.
    pub verify_key: VerifyKey,
    /// The items, from the first byte on without gaps: at most 2^20 and 17 others.
    pub items: Vec<Item>,
    /// Where the footer begins: behind the last item.
    pub footer_at: u64,
}

impl Listing {
    /// Reads the end of a bundle, and checks its signature. It holds some 50 bytes for each item.
    ///
    /// # Errors
    /// Truncated; corrupt; too big; those of the source.
    pub fn read(source: &dyn Source) -> Result<Self> {
        let (footer, footer_at) = read_footer(source, source.length()?)?;
        let records = items(&footer, footer_at)?;
        let mut items = alloc::with_room(records.len(), "the list of the bundle's items")?;
        items.extend(records.into_iter().map(|(offset, length, sha256)| Item { offset, length, sha256 }));
        let (base_id, state_id, verify_key) = (footer.base_id, footer.state_id, footer.verify_key);
        if items.is_empty() {
            return Err(Error::corrupt("the footer lists nothing"));
        }
        Ok(Self { base_id, state_id, verify_key, items, footer_at })
    }

    /// The place among the items of the one that holds this byte; none: it is of the footer, or behind it.
    pub fn item_at(&self, offset: u64) -> Option<usize> {
        let behind = self.items.partition_point(|item| item.offset <= offset);
        (offset < self.footer_at).then(|| behind.checked_sub(1)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::sink::{SchemaKind, SchemaRow, Settings};
    use crate::state::value::{Key, TextEncoding, Value};
    use crate::tests::forged::key;
    use crate::{ExportOptions, export};

    fn bundle() -> Vec<u8> {
        let domain = key().domain("default").expect("a name");
        let bundle = export(&domain, ExportOptions::default(), Vec::new(), |sink| {
            let sql = "CREATE TABLE a(b)".to_owned();
            sink.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
            sink.schema(&[SchemaRow { kind: SchemaKind::Table, name: "a".to_owned(), table: "a".to_owned(), sql }])?;
            sink.table("a")?;
            (1..5000).try_for_each(|rowid| sink.row(Key::Rowid(rowid), &[Value::Integer(rowid * 7919 % 1_000_003)]))
        });
        bundle.expect("a bundle").1
    }

    #[test]
    fn each_item_is_told_by_itself() {
        let bundle = bundle();
        let listing = Listing::read(&bundle).expect("sound");
        assert_eq!(listing.verify_key, key().domain("default").expect("a name").verify_key());
        let mut end = 0;
        for (place, item) in listing.items.iter().enumerate() {
            assert_eq!(item.offset, end);
            let start = usize::try_from(item.offset).expect("small");
            let mut bytes = bundle[start..start + item.length].to_vec();
            assert!(item.is(&bytes) && !item.is(&bytes[1..]));
            bytes[item.length / 2] ^= 1;
            assert!(!item.is(&bytes));
            end += item.length as u64;
            assert_eq!((listing.item_at(item.offset), listing.item_at(end - 1)), (Some(place), Some(place)));
        }
        assert_eq!((end, listing.item_at(end)), (listing.footer_at, None));
        assert!(listing.items.len() > 2);
        let mut damaged = bundle.clone();
        let middle = damaged.len() - 40;
        damaged[middle] ^= 1;
        assert!(Listing::read(&damaged).is_err());
        assert!(Listing::read(&&bundle[..bundle.len() - 1]).is_err());
    }
}
