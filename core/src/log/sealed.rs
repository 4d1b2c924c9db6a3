//! The part of a record that only holders of the key can read (`FORMAT.md`, "Log"). It is padded, so that its length
//! tells nothing about what people wrote in it.

use crate::cbor;
use crate::crypto::digest::sha256;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::format::seal::{decrypt, encrypt};
use aes_siv::{KeyInit, siv::Aes256Siv};
use serde_bytes::ByteArray;

/// The revision that this version writes. It may differ from the record's revision.
const REVISION: u64 = 1;
/// The fields of this revision.
const FIELDS: usize = 7;
const LABEL: &[u8] = b"lifeboat record 1\0";
/// The SIV before the padded bytes.
const TAG: usize = 16;
/// The padded length is a multiple of this number.
const STEP: usize = 256;
/// The longest writer and label, in bytes of UTF-8.
const TEXT_MAX: usize = 255;
/// The years 0000 to 9999, so that each date can be written as RFC 3339 wants.
const DATES: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// What a record says to holders of the key. Each part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedPart {
    /// The time of the save, as the caller says: milliseconds from 1970-01-01T00:00:00Z, in the years 0000 to 9999.
    /// It is for people; the number of the record gives the order.
    pub date: Option<i64>,
    /// Who saved it, such as a host and a program: 1 to 255 bytes.
    pub writer: Option<String>,
    /// What the caller called this save: 1 to 255 bytes.
    pub label: Option<String>,
    /// The version of SQLite that read the database, as `sqlite3_libversion_number` gives it.
    pub sqlite_version: Option<u32>,
    /// The page size of the database, in bytes: a power of two from 512 to 65,536.
    pub page_size: Option<u32>,
    /// A value that is the same in the records of all databases that were saved at one moment.
    pub group: Option<[u8; 16]>,
}

impl SealedPart {
    /// # Errors
    /// The fault, in words.
    fn check(&self) -> Result<(), &'static str> {
        let text_fits = |text: &Option<String>| text.as_ref().is_none_or(|text| (1..=TEXT_MAX).contains(&text.len()));
        match () {
            () if !self.date.is_none_or(|date| DATES.contains(&date)) => Err("the date is not in the years 0 to 9999"),
            () if !text_fits(&self.writer) => Err("the writer has not 1 to 255 bytes"),
            () if !text_fits(&self.label) => Err("the label has not 1 to 255 bytes"),
            () if !self.page_size.is_none_or(|size| size.is_power_of_two() && (512..=65_536).contains(&size)) => {
                Err("the page size is not one that SQLite has")
            }
            () => Ok(()),
        }
    }

    /// Seals it after the first bytes of a record (`before`), so that it opens in no other record.
    ///
    /// # Errors
    /// Misuse when a part of it is out of its bounds.
    pub(super) fn seal(&self, keys: &DomainKeys, before: &[u8]) -> Result<Vec<u8>> {
        self.check().map_err(|why| Error::misuse(format!("this cannot stand in a record: {why}")))?;
        let mut bytes = self.padded();
        encrypt(&mut cipher(keys), &[&associated(before)], &mut bytes)?;
        Ok(bytes)
    }

    /// # Errors
    /// Corrupt; unsupported when it is of another revision.
    pub(super) fn open(keys: &DomainKeys, before: &[u8], sealed: &[u8]) -> Result<Self> {
        let mut bytes = sealed.to_vec();
        decrypt(&mut cipher(keys), &[&associated(before)], &mut bytes).map_err(|_| {
            Error::corrupt("the sealed part of the record does not open: it was not sealed with this key")
        })?;
        let mut reader = cbor::Reader::new(&bytes);
        let fields = reader.array()?;
        match reader.decode::<u64>()? {
            REVISION if fields == FIELDS => {}
            REVISION => return Err(Error::corrupt("the sealed part of the record has not seven fields")),
            other => {
                return Err(Error::unsupported(format!(
                    "a sealed part of revision {other}; this version reads {REVISION}: use a newer one"
                )));
            }
        }
        let part = Self {
            date: optional(&mut reader)?,
            writer: optional::<&str>(&mut reader)?.map(str::to_owned),
            label: optional::<&str>(&mut reader)?.map(str::to_owned),
            sqlite_version: optional(&mut reader)?,
            page_size: optional(&mut reader)?,
            group: optional::<cbor::Bytes<&[u8]>>(&mut reader)?
                .map(|group| group.0.try_into())
                .transpose()
                .map_err(|_| Error::corrupt("the group of the record has not 16 bytes"))?,
        };
        part.check().map_err(|why| Error::corrupt(format!("the sealed part of the record: {why}")))?;
        if part.padded() == bytes {
            Ok(part)
        } else {
            Err(Error::corrupt("the sealed part of the record is not in canonical form"))
        }
    }

    /// Its canonical bytes, with the zero bytes after them.
    fn padded(&self) -> Vec<u8> {
        let Self { date, writer, label, sqlite_version, page_size, group } = self.clone();
        let group = group.map(ByteArray::new);
        let mut bytes = cbor::to_vec(&(REVISION, date, writer, label, sqlite_version, page_size, group));
        bytes.resize(bytes.len().next_multiple_of(STEP), 0);
        bytes
    }

    /// Whether a sealed part can have this many bytes.
    pub(super) fn may_have(length: usize) -> bool {
        length > TAG && (length - TAG).is_multiple_of(STEP)
    }
}

/// The next item, if it is not null.
fn optional<'a, T: cbor4ii::core::dec::Decode<'a>>(reader: &mut cbor::Reader<'a>) -> Result<Option<T>> {
    if reader.null() { Ok(None) } else { reader.decode().map(Some) }
}

fn cipher(keys: &DomainKeys) -> Aes256Siv {
    Aes256Siv::new((&*keys.log_seal).into())
}

/// The only associated-data string. `before`: the bytes of the record before the sealed part.
fn associated(before: &[u8]) -> Vec<u8> {
    [LABEL, &sha256(before)].concat()
}
