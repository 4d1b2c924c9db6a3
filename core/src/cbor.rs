//! Canonical CBOR (`FORMAT.md`, "Encoding"). cbor4ii writes shortest forms, but it reads other forms, too. So every
//! reader here checks the form: it encodes again what it decoded and compares, or it compares the length with that of
//! the shortest form.

use crate::error::{Error, Result};
use cbor4ii::core::{dec, types};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

pub(crate) use cbor4ii::core::{enc::Encode, enc::Write, types::Bytes, types::Null};

/// Major types (RFC 8949 §3.1): the upper three bits of the first byte.
pub(crate) mod major {
    pub const UNSIGNED: u8 = 0;
    pub const NEGATIVE: u8 = 1;
    pub const BYTES: u8 = 2;
    pub const TEXT: u8 = 3;
    pub const ARRAY: u8 = 4;
    pub const SIMPLE: u8 = 7;
}

/// Appends to a vector.
pub(crate) struct Append<'a>(pub &'a mut Vec<u8>);

impl Write for Append<'_> {
    type Error = Infallible;
    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(input);
        Ok(())
    }
}

/// Counts the bytes that would be written.
pub(crate) struct Count(pub u64);

impl Write for Count {
    type Error = Infallible;
    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        self.0 += input.len() as u64;
        Ok(())
    }
}

/// Writes one item to a writer that cannot fail.
pub(crate) fn put<W: Write<Error = Infallible>>(out: &mut W, item: impl Encode) {
    // The only other errors of cbor4ii are lengths over 64 bits.
    item.encode(out).expect("encoding into memory cannot fail");
}

/// Writes the head of an array of `length` items.
pub(crate) fn put_array<W: Write<Error = Infallible>>(out: &mut W, length: usize) {
    types::Array::bounded(length, out).expect("encoding into memory cannot fail");
}

/// The canonical bytes of a small structure: tuples become arrays.
pub(crate) fn to_vec<T: Serialize>(item: &T) -> Vec<u8> {
    write_into(Vec::new(), item)
}

/// The same in memory that was reserved for it.
pub(crate) fn write_into<T: Serialize>(room: Vec<u8>, item: &T) -> Vec<u8> {
    cbor4ii::serde::to_vec(room, item).expect("encoding into memory cannot fail")
}

/// Decodes a small structure and refuses anything but its canonical bytes.
///
/// # Errors
/// Corrupt, named after `what`.
pub(crate) fn from_slice<'a, T: Serialize + Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T> {
    let item: T =
        cbor4ii::serde::from_slice(bytes).map_err(|_| Error::corrupt(format!("{what} has the wrong form")))?;
    let mut again = cbor4ii::serde::Serializer::new(Compare::with(bytes));
    let written = item.serialize(&mut again).is_ok();
    if written && again.into_inner().is_same() {
        Ok(item)
    } else {
        Err(Error::corrupt(format!("{what} is not in canonical form")))
    }
}

/// The length of the shortest head with this argument: of a number, or of a text, a byte string or an array of this
/// length.
pub(crate) fn head_length(argument: u64) -> usize {
    match argument {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// The length of the canonical form of a text or a byte string of this length.
pub(crate) fn string_length(bytes: usize) -> usize {
    head_length(bytes as u64) + bytes
}

/// Reads items from a slice. It reads only what the caller asks for, so nothing nests deeper than the caller's types.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The major type of the next item.
    pub fn major(&self) -> Result<u8> {
        self.rest.first().map(|byte| byte >> 5).ok_or_else(ended)
    }

    pub fn decode<T: dec::Decode<'a>>(&mut self) -> Result<T> {
        T::decode(self).map_err(unreadable)
    }

    /// Reads the head of an array and gives its length, which is never more than the bytes that are left.
    pub fn array(&mut self) -> Result<usize> {
        match types::Array::len(self).map_err(unreadable)? {
            Some(length) if length <= self.rest.len() => Ok(length),
            Some(_) => Err(ended()),
            None => Err(Error::corrupt("an array of indefinite length")),
        }
    }

    /// Takes the next byte, which must be this canonical head.
    pub fn exactly(&mut self, head: u8) -> Result<()> {
        match self.rest.split_first() {
            Some((first, rest)) if *first == head => {
                self.rest = rest;
                Ok(())
            }
            Some(_) => Err(Error::corrupt("not in canonical form, or not what is expected here")),
            None => Err(ended()),
        }
    }

    /// Reads the head of an array, which must have exactly `length` items.
    pub fn array_of(&mut self, length: usize) -> Result<()> {
        match self.array()? {
            found if found == length => Ok(()),
            found => Err(Error::corrupt(format!("an array of {found} items stands where {length} are expected"))),
        }
    }

    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        self.decode::<Bytes<&'a [u8]>>().map(|bytes| bytes.0)
    }

    /// Takes a null, if one comes next.
    pub fn null(&mut self) -> bool {
        let null = self.rest.first() == Some(&0xf6);
        if null {
            self.rest = &self.rest[1..];
        }
        null
    }
}

fn ended() -> Error {
    Error::corrupt("the data end within an item")
}

/// The decoder's own message could show a byte of content.
fn unreadable(_: dec::Error<Infallible>) -> Error {
    Error::corrupt("not the CBOR that is expected here")
}

impl<'a> dec::Read<'a> for Reader<'a> {
    type Error = Infallible;

    fn fill<'short>(&'short mut self, want: usize) -> Result<dec::Reference<'a, 'short>, Infallible> {
        Ok(dec::Reference::Long(&self.rest[..want.min(self.rest.len())]))
    }

    fn advance(&mut self, n: usize) {
        self.rest = &self.rest[n.min(self.rest.len())..];
    }
}

/// Compares what is written with the expected bytes, without a copy.
pub(crate) struct Compare<'a> {
    expected: &'a [u8],
    same: bool,
}

impl<'a> Compare<'a> {
    pub fn with(expected: &'a [u8]) -> Self {
        Self { expected, same: true }
    }

    /// True when all expected bytes were written, and no others.
    pub fn is_same(&self) -> bool {
        self.same && self.expected.is_empty()
    }
}

impl Write for Compare<'_> {
    type Error = Infallible;
    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        match self.expected.split_at_checked(input.len()) {
            Some((head, rest)) if head == input => self.expected = rest,
            _ => self.same = false,
        }
        Ok(())
    }
}
