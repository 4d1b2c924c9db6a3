//! Records and floor statements of the vectors' own making, each part of which can be written as it should not be.

use super::cbor::{Cbor, NULL, blob, head, list};
use super::keys::{FileKind, Id, Keys, recovery, seal, sha256};

pub const RECORD: &str = "lifeboat record signature";
pub const FLOOR: &str = "lifeboat floor signature";

/// A record or a floor statement.
#[derive(Clone)]
pub struct Statement {
    /// The head of the array; none: the right one.
    pub head: Option<Vec<u8>>,
    /// The fields before the verify key. Where that of a record's sealed part is null, it is sealed anew.
    pub fields: Vec<Cbor>,
    pub details: Cbor,
    /// The bytes behind the details; none: the right ones.
    pub padding: Option<Vec<u8>>,
    /// What the sealed part is associated with; none: the right one.
    pub associated: Option<Vec<u8>>,
    pub seal_key: [u8; 64],
    pub verify_key: Cbor,
    pub signer: Keys,
    /// What kind of statement it is.
    pub label: &'static str,
    /// What it is signed under.
    pub label_signed: &'static str,
    pub signature: Option<Cbor>,
    /// What follows after the end.
    pub behind: Vec<u8>,
}

/// The places of fields in a record.
pub mod place {
    pub const REVISION: usize = 1;
    pub const DOMAIN: usize = 2;
    pub const NUMBER: usize = 3;
    pub const PREVIOUS: usize = 4;
    pub const BUNDLES: usize = 6;
    pub const SEALED: usize = 7;
}

pub fn keys() -> Keys {
    Keys::new(FileKind::Bundle, recovery(), "default")
}

/// A hash or id that nothing has.
pub fn id(tag: u8) -> Id {
    [tag; 32]
}

pub fn reference(number: i64, tag: u8) -> Cbor {
    list![number, blob(id(tag))]
}

/// A bundle of 1,000 bytes, from the state of a record or from nothing.
pub fn bundle(tag: u8, base: Option<(i64, u8)>) -> Cbor {
    let base = base.map_or(NULL, |(number, tag)| list![number, blob(id(tag)), blob(id(tag ^ 0x80))]);
    list![blob(id(tag)), 1000, base]
}

pub fn details() -> Cbor {
    list![1, 1_795_953_600_000_i64, "till 7", NULL, 3_054_001, 4096, NULL]
}

impl Statement {
    fn new(fields: Vec<Cbor>, label: &'static str) -> Self {
        let keys = keys();
        Self {
            head: None,
            fields,
            details: details(),
            padding: None,
            associated: None,
            seal_key: keys.log_seal(),
            verify_key: blob(keys.verify_key()),
            signer: keys,
            label,
            label_signed: label,
            signature: None,
            behind: Vec::new(),
        }
    }

    pub fn record(number: i64, previous: Vec<Cbor>, bundles: Vec<Cbor>) -> Self {
        let domain = blob(keys().domain_id);
        let fields = vec![
            "lifeboat record".into(),
            1.into(),
            domain,
            number.into(),
            previous.into(),
            blob(id(0xaa)),
            bundles.into(),
            NULL,
        ];
        Self::new(fields, RECORD)
    }

    /// A record in the midst of a log.
    pub fn usual() -> Self {
        Self::record(256, vec![reference(255, 1)], vec![bundle(0x11, Some((255, 1))), bundle(0x12, Some((240, 2)))])
    }

    pub fn floor(number: i64, lowest: i64) -> Self {
        let domain = blob(keys().domain_id);
        Self::new(vec!["lifeboat floor".into(), 1.into(), domain, reference(number, 1), lowest.into()], FLOOR)
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn with_field(mut self, place: usize, field: Cbor) -> Self {
        self.fields[place] = field;
        self
    }

    pub fn with_details(mut self, details: Cbor) -> Self {
        self.details = details;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone().unwrap_or_else(|| head(4, self.fields.len() as u64 + 2));
        for (at, field) in self.fields.iter().enumerate() {
            let field = if at == place::SEALED && *field == NULL { blob(self.sealed(&bytes)) } else { field.clone() };
            bytes.extend(field.encode());
        }
        bytes.extend(self.verify_key.encode());
        let signature = self.signature.clone().unwrap_or_else(|| blob(self.signer.sign(self.label_signed, &bytes)));
        bytes.extend(signature.encode());
        bytes.extend(&self.behind);
        bytes
    }

    /// The signature over what it is now.
    pub fn signature_bytes(&self) -> Vec<u8> {
        let bytes = self.bytes();
        bytes[bytes.len() - 64..].to_vec()
    }

    /// Its sealed part, as it is now.
    pub fn sealed_part(&self) -> Cbor {
        let fields: Vec<_> = self.fields[..place::SEALED].iter().flat_map(Cbor::encode).collect();
        blob(self.sealed(&[head(4, self.fields.len() as u64 + 2), fields].concat()))
    }

    fn sealed(&self, before: &[u8]) -> Vec<u8> {
        let mut plain = self.details.encode();
        match &self.padding {
            Some(padding) => plain.extend(padding),
            None => plain.resize(plain.len().next_multiple_of(256), 0),
        }
        let right = || [&b"lifeboat record 1\0"[..], &sha256(before)].concat();
        seal(&self.seal_key, &self.associated.clone().unwrap_or_else(right), &plain)
    }
}
