//! The items of a bundle, found one after the other by the lengths that they state themselves. For a bundle whose last
//! bytes do not lead to a footer.

use crate::alloc;
use crate::chain::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::format::footer::Footer;
use crate::format::framing::{Length, chunk_length, footer_length};
use crate::format::header::HEADER_LENGTH;
use crate::kinds::ChunkKind;
use crate::limits::ITEMS_MAX;

/// The longest beginning that tells the length of an item: that of a footer.
const BEGIN_MAX: usize = 2 + 33 + 34 + 5;

/// The items that were found.
pub(crate) struct Walked {
    /// The offset and length of each item before the footer, with the header.
    pub items: Vec<(u64, usize)>,
    /// The footer and where it begins, if its signature is right.
    pub footer: Option<(Footer, u64)>,
}

/// Goes from item to item until something is not a chunk.
///
/// # Errors
/// Too big; those of the source and of `interrupt`.
pub(crate) fn walk(source: &dyn Source, length: u64, interrupt: &mut dyn FnMut() -> Result<()>) -> Result<Walked> {
    let mut items = vec![(0, HEADER_LENGTH)];
    let mut offset = HEADER_LENGTH as u64;
    loop {
        interrupt()?;
        let mut begin = [0; BEGIN_MAX];
        let seen = usize::try_from(length.saturating_sub(offset)).map_or(BEGIN_MAX, |left| left.min(BEGIN_MAX));
        source.read(offset, &mut begin[..seen])?;
        let begin = &begin[..seen];
        let end = |long: usize| offset.checked_add(long as u64).filter(|end| *end <= length);
        match begin {
            [0x82, kind, ..] if ChunkKind::from_number(*kind).is_ok() => {
                let Ok(Length::Whole(long)) = chunk_length(begin) else { break };
                let Some(end) = end(long) else { break };
                if items.len() >= ITEMS_MAX {
                    return Err(Error::too_big(format!("a bundle of more than {ITEMS_MAX} items")));
                }
                alloc::push(&mut items, (offset, long), "the list of the bundle's items")?;
                offset = end;
            }
            [0x85, ..] => {
                let Ok(Length::Whole(long)) = footer_length(begin, items.len()) else { break };
                if end(long).is_none() {
                    break;
                }
                let mut encoded = alloc::zeros(long, "the footer")?;
                source.read(offset, &mut encoded)?;
                let footer = Footer::decode(&encoded).and_then(|footer| {
                    footer.check_signature(&encoded)?;
                    Ok(footer)
                });
                return match footer {
                    Ok(footer) => Ok(Walked { items, footer: Some((footer, offset)) }),
                    Err(error) if error.kind() == ErrorKind::TooBig => Err(error),
                    Err(_) => Ok(Walked { items, footer: None }),
                };
            }
            _ => break,
        }
    }
    Ok(Walked { items, footer: None })
}
