//! The footer of a bundle, found from the end, and the items that it lists.

use crate::alloc;
use crate::chain::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::format::footer::{Footer, RECORD, TRAILER};
use crate::format::seal::SEALED_MAX;
use crate::kinds::FileKind;
use crate::limits::ITEMS_MAX;
use crate::read::reader::Splitter;

/// How many bytes are read at once where a bundle is read from its beginning.
const PIECE: usize = 64 << 10;

/// The offset, length and hash of an item.
pub(crate) type ItemRecord = (u64, usize, [u8; 32]);

/// The footer, and where it begins.
pub(crate) fn read_footer(source: &dyn Source, length: u64) -> Result<(Footer, u64)> {
    let ends = || Error::truncated(format!("the bundle ends at byte {length}, before it is complete; get it again"));
    let mut trailer = [0; TRAILER];
    let at = length.checked_sub(TRAILER as u64).ok_or_else(ends)?;
    source.read(at, &mut trailer)?;
    let mut footer_length = [0; 8];
    footer_length.copy_from_slice(&trailer[1..]);
    let footer_length = u64::from_be_bytes(footer_length);
    // The longest footer: all records, two ids, key, signature, and the heads of each.
    let longest = (ITEMS_MAX * RECORD + 256) as u64;
    if trailer[0] != 0x48 || footer_length > longest || footer_length > at {
        return Err(ends());
    }
    let mut encoded = alloc::zeros(usize::try_from(footer_length).map_err(|_| ends())?, "the footer")?;
    source.read(at - footer_length, &mut encoded)?;
    // A bundle that was cut ends in other bytes.
    let footer = Footer::decode(&encoded).map_err(|error| match error.kind() {
        ErrorKind::TooBig => error,
        _ => ends(),
    })?;
    footer.check_signature(&encoded)?;
    if !footer.items.is_empty() && footer.items.len() % RECORD == 0 {
        Ok((footer, at - footer_length))
    } else {
        Err(Error::corrupt("the footer does not list the items before it"))
    }
}

/// Why there is no footer at the end of the bundle. All items are read from the first on, as a reader reads them that
/// cannot begin at the end. So both give the same error for the same bytes.
pub(crate) fn why_no_footer(file_kind: FileKind, source: &dyn Source, length: u64) -> Result<Error> {
    let (mut splitter, mut piece, mut at) =
        (Splitter::new(file_kind), alloc::zeros(PIECE, "a piece of the bundle")?, 0);
    while at < length {
        piece.truncate(usize::try_from(length - at).unwrap_or(PIECE));
        source.read(at, &mut piece)?;
        splitter.push(&piece, |_| Ok(()))?;
        at += piece.len() as u64;
    }
    splitter.finish()?;
    Ok(Error::corrupt("the bundle was changed while it was read"))
}

/// Offset, length and hash of each item.
pub(crate) fn items(footer: &Footer, footer_at: u64) -> Result<Vec<ItemRecord>> {
    let mut offset = 0;
    let mut items = alloc::with_room(footer.items.len() / RECORD, "the list of the bundle's items")?;
    for record in footer.items.chunks_exact(RECORD) {
        let length = u32::from_be_bytes([record[0], record[1], record[2], record[3]]);
        let hash = record[4..].try_into().map_err(|_| Error::corrupt("a record of the footer is not whole"))?;
        // An item has its header, and is no longer than a sealed chunk.
        match usize::try_from(length) {
            Ok(length) if (3..=SEALED_MAX + 16).contains(&length) => items.push((offset, length, hash)),
            _ => return Err(Error::corrupt("the footer lists an item that is too short or too long")),
        }
        offset += u64::from(length);
    }
    if offset == footer_at {
        Ok(items)
    } else {
        Err(Error::corrupt("the footer lists items of another length than those before it have"))
    }
}

#[cfg(test)]
mod tests {
    use super::read_footer;
    use crate::crypto::id::StateId;
    use crate::crypto::key::VerifyKey;
    use crate::error::{ErrorKind, Result};
    use crate::format::footer::{Footer, RECORD};
    use crate::limits::ITEMS_MAX;
    use crate::tests::forged::key;

    fn footer_of(items: usize) -> Result<Footer> {
        let (key, id) = (key(), StateId([7; 32]));
        let footer = Footer {
            base_id: Some(id),
            state_id: id,
            items: vec![0; items * RECORD],
            verify_key: VerifyKey([0; 32]),
            signature: [0; 64],
        };
        let domain = key.domain("default")?;
        let mut bundle = footer.sign(&domain)?.encode()?;
        bundle.extend(Footer::trailer(&bundle));
        let length = bundle.len() as u64;
        read_footer(&bundle, length).map(|(footer, _)| footer)
    }

    #[test]
    fn a_footer_may_list_as_many_items_as_a_bundle_may_have() {
        assert_eq!(footer_of(ITEMS_MAX).expect("it is one").items.len(), ITEMS_MAX * RECORD);
        assert_eq!(footer_of(ITEMS_MAX + 10).expect_err("too long").kind(), ErrorKind::Truncated);
    }
}
