//! The length of the next item of a bundle, as far as its first bytes tell it. So no reader allocates on a promise.

use crate::error::{Error, Result};
use crate::format::footer::RECORD;
use crate::format::seal::SEALED_MAX;
use crate::limits::ITEMS_MAX;

/// What the bytes so far tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// The item has this length.
    Whole(usize),
    /// The reader needs this many bytes to tell more.
    AtLeast(usize),
}

/// The range of a byte string's content, or the length at which its head is complete.
type ByteString = std::result::Result<std::ops::Range<usize>, usize>;

/// The byte string whose head begins at `at`. It has at most `limit` bytes.
fn byte_string(bytes: &[u8], at: usize, limit: usize) -> Result<ByteString> {
    let Some(head) = bytes.get(at) else { return Ok(Err(at + 1)) };
    let extra = match head {
        0x40..=0x57 => 0,
        0x58 => 1,
        0x59 => 2,
        0x5a => 4,
        _ => {
            return Err(Error::corrupt(
                "no byte string, or one that is too long, stands where a byte string is expected",
            ));
        }
    };
    let start = at + 1 + extra;
    let Some(length) = bytes.get(at + 1..start) else { return Ok(Err(start)) };
    // Four bytes at most, so nothing wraps. The length is compared with the limit before it becomes an address.
    let length = match extra {
        0 => u64::from(head - 0x40),
        _ => length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    };
    let shortest = match length {
        0..=0x17 => 0,
        0x18..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    };
    if extra != shortest {
        return Err(Error::corrupt("the length of a byte string is not in its shortest form"));
    }
    match usize::try_from(length) {
        Ok(length) if length <= limit => Ok(Ok(start..start + length)),
        _ => Err(Error::corrupt(format!("a byte string of {length} bytes where at most {limit} can be"))),
    }
}

/// The length of a chunk, [kind, sealed], that begins with these bytes.
pub(crate) fn chunk_length(bytes: &[u8]) -> Result<Length> {
    match byte_string(bytes, 2, SEALED_MAX)? {
        Err(needed) => Ok(Length::AtLeast(needed)),
        Ok(sealed) => Ok(Length::Whole(sealed.end)),
    }
}

/// The sealed bytes of a complete chunk.
pub(crate) fn sealed_of(chunk: &[u8]) -> Result<&[u8]> {
    let sealed = byte_string(chunk, 2, SEALED_MAX)?.ok().and_then(|range| chunk.get(range));
    sealed.ok_or_else(|| Error::corrupt("a chunk without its bytes"))
}

/// The length of a footer that begins with these bytes and follows `items` items: [base id or null, state id, records,
/// verify key, signature].
pub(crate) fn footer_length(bytes: &[u8], items: usize) -> Result<Length> {
    let base_id_end = match bytes.get(1) {
        None => return Ok(Length::AtLeast(2)),
        Some(0xf6) => 2,
        Some(_) => 2 + 33,
    };
    let records = match byte_string(bytes, base_id_end + 34, ITEMS_MAX * RECORD)? {
        Err(needed) => return Ok(Length::AtLeast(needed)),
        Ok(records) => records,
    };
    if records.len() != items * RECORD {
        return Err(Error::corrupt(format!(
            "the footer lists {} items where {items} came before it",
            records.len() / RECORD
        )));
    }
    Ok(Length::Whole(records.end + 34 + 66))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_measured_by_its_first_bytes() {
        assert_eq!(chunk_length(&[0x82]).unwrap(), Length::AtLeast(3));
        assert_eq!(chunk_length(&[0x82, 0, 0x59]).unwrap(), Length::AtLeast(5));
        assert_eq!(chunk_length(&[0x82, 0, 0x59, 1, 0]).unwrap(), Length::Whole(5 + 256));
        assert_eq!(chunk_length(&[0x82, 0, 0x50]).unwrap(), Length::Whole(3 + 16));
    }

    #[test]
    fn lengths_that_are_not_shortest_or_too_long_are_refused_at_once() {
        for head in [&[0x82, 0, 0x58, 0x17][..], &[0x82, 0, 0x59, 0, 0xff], &[0x82, 0, 0x5a, 0, 0, 0xff, 0xff]] {
            assert!(chunk_length(head).unwrap_err().message().contains("shortest"));
        }
        // On a machine of 32 bits, the end of such a string would wrap around.
        assert!(chunk_length(&[0x82, 0, 0x5a, 0xff, 0xff, 0xff, 0xff]).unwrap_err().message().contains("at most"));
        assert!(chunk_length(&[0x82, 0, 0x5b]).is_err());
        assert!(chunk_length(&[0x82, 0, 0x5f]).is_err());
    }

    #[test]
    fn a_footer_that_lists_more_items_than_came_is_refused_before_it_is_held() {
        let mut footer = vec![0x85, 0xf6, 0x58, 0x20];
        footer.extend_from_slice(&[0; 32]);
        let lists = |head: &[u8]| footer_length(&[&footer, head].concat(), 2).unwrap_err().message().to_owned();
        assert!(lists(&[0x59, 0x01, 0]).contains("lists"));
        assert!(lists(&[0x5a, 0x7f, 0xff, 0xff, 0xff]).contains("at most"));
    }
}
