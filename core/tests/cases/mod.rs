//! All vectors, area by area: `cargo test -p lifeboat-core --test vectors` makes them and compares them with the files.

mod bounds;
mod boxes;
mod chains;
mod changes;
mod chunks;
mod deltas;
mod extensions;
mod footer;
mod framing;
mod header;
mod index;
mod keys;
mod ledgers;
mod limits;
mod programs;
mod rows;
pub mod rules;
mod schema;
mod seal;
mod signature;
mod state;
mod values;

use crate::support::keys::{FileKind, Id, Keys, recovery};
use crate::support::spec::BundleSpec;
use crate::support::vector::Vector;
use lifeboat_core::RecoveryKey;
use lifeboat_core::keys::VerifyKey;

/// Every vector.
pub fn all() -> Vec<Vector> {
    let areas = [
        header::cases,
        framing::cases,
        footer::cases,
        signature::cases,
        keys::cases,
        seal::cases,
        boxes::cases,
        chunks::cases,
        changes::cases,
        values::cases,
        state::cases,
        index::cases,
        bounds::cases,
        extensions::cases,
        deltas::cases,
        chains::cases,
        ledgers::cases,
        limits::cases,
        rows::cases,
        schema::cases,
        programs::cases,
    ];
    let mut all: Vec<Vector> = areas.iter().flat_map(|cases| cases()).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    for (rule, names) in rules::CITED {
        for name in *names {
            let vector = all.iter_mut().find(|vector| vector.name == *name);
            vector.unwrap_or_else(|| panic!("there is no vector {name}")).rule = Some((*rule).to_owned());
        }
    }
    all
}

/// The vectors of one area, whose names begin alike.
pub struct Area {
    prefix: &'static str,
    section: &'static str,
    pub vectors: Vec<Vector>,
}

impl Area {
    pub fn new(prefix: &'static str, section: &'static str) -> Self {
        Self { prefix, section, vectors: Vec::new() }
    }

    /// The vectors that follow are of this section.
    pub fn section(&mut self, section: &'static str) {
        self.section = section;
    }

    fn add(&mut self, name: &str, fault: &str, bytes: Vec<u8>) -> &mut Vector {
        let name = if name.is_empty() { self.prefix.to_owned() } else { format!("{}-{name}", self.prefix) };
        let section = self.section.to_owned();
        self.vectors.push(Vector {
            name,
            fault: fault.to_owned(),
            section,
            key: key_text(recovery()),
            bytes,
            ..Vector::default()
        });
        self.vectors.last_mut().expect("it was just added")
    }

    /// Nothing is wrong.
    pub fn sound(&mut self, name: &str, what: &str, spec: &BundleSpec) -> &mut Vector {
        let state = Some(hex::encode(spec.state_id()));
        let vector = self.wrong(name, &format!("nothing: {what}"), "success", spec);
        (vector.state, vector.database) = (state, Some("success".to_owned()));
        vector.key = key_text(spec.keys.recovery);
        vector
    }

    /// It can be read, but no database can be built of it.
    pub fn not_buildable(&mut self, name: &str, fault: &str, kind: &str, spec: &BundleSpec) -> &mut Vector {
        let vector = self.sound(name, "", spec);
        (vector.fault, vector.database) = (fault.to_owned(), Some(kind.to_owned()));
        vector
    }

    /// What only the recovery key shows.
    pub fn wrong(&mut self, name: &str, fault: &str, kind: &str, spec: &BundleSpec) -> &mut Vector {
        let signer = Some(signer(&spec.keys));
        let is_ledger = spec.keys.form == FileKind::Ledger;
        let vector = self.add(name, fault, spec.bytes());
        (vector.outcome, vector.is_ledger) = (kind.to_owned(), is_ledger);
        (vector.keyless, vector.signer) = ("success".to_owned(), signer);
        if is_ledger {
            (vector.keyless, vector.signer) = ("mismatch".to_owned(), None);
        }
        vector
    }

    /// What anybody sees.
    pub fn public(&mut self, name: &str, fault: &str, kind: &str, bytes: Vec<u8>) -> &mut Vector {
        let vector = self.add(name, fault, bytes);
        (vector.outcome, vector.keyless) = (kind.to_owned(), kind.to_owned());
        vector
    }
}

/// A delta that leads on from the vector `base`: what a reader says of it alone, and of the two.
pub fn after(vector: &mut Vector, base: &[&str], alone: &str, outcome: &str) {
    vector.after = base.iter().map(|name| (*name).to_owned()).collect();
    vector.outcome = outcome.to_owned();
    vector.alone = Some(alone.to_owned());
    if vector.keyless == "success" {
        vector.links = Some("success".to_owned());
    }
}

/// The text of a recovery key.
pub fn key_text(key: Id) -> String {
    RecoveryKey::from_bytes(key).expect("no broken generator").to_text().to_string()
}

/// The text of the domain's verify key.
pub fn signer(keys: &Keys) -> String {
    VerifyKey(keys.verify_key()).to_string()
}

/// Takes the last byte away.
pub fn cut(bytes: &mut Vec<u8>) {
    bytes.pop().expect("a byte");
}
