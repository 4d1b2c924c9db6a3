//! Keys of one domain: what they open, and what they do not.

use super::{Area, after};
use crate::support::cbor::{NULL, list};
use crate::support::keys::{FileKind, Keys, other_recovery, recovery};
use crate::support::spec::BundleSpec;
use crate::support::state::{Change, row_1, worked};
use crate::support::vector::Vector;

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("key", "Keys");
    let spec = BundleSpec::full(&worked());
    let keys = &spec.keys;
    let another = Keys::new(FileKind::Bundle, recovery(), "another");
    let other = Keys::new(FileKind::Bundle, other_recovery(), "default");
    area.sound("write", "the write key of the domain opens it", &spec).key = keys.write_text();
    area.sound("read", "the read key of the domain opens it", &spec).key = keys.read_text();
    for (name, key) in [("write", another.write_text()), ("read", another.read_text())] {
        let fault = format!("the {name} key is of another domain of the same recovery key");
        area.wrong(&format!("{name}-of-another-domain"), &fault, "wrong key", &spec).key = key;
    }
    let of_another_secret = Keys { domain_id: keys.domain_id, ..other };
    for (name, key) in [("write", of_another_secret.write_text()), ("read", of_another_secret.read_text())] {
        let fault = format!("the {name} key has the id of the domain, and the secret of another recovery key");
        area.wrong(&format!("{name}-of-another-secret"), &fault, "wrong key", &spec).key = key;
    }
    let of_another_signer = Keys { seed: another.seed, ..keys.clone() };
    area.wrong("read-of-another-signer", "the verify key in the read key is another domain's", "corrupt", &spec).key =
        of_another_signer.read_text();
    // What the holder of a read key can make: sealed as it should be, and signed by somebody else.
    for (name, seed) in [("read-key", keys.read), ("seed-of-another-domain", another.seed)] {
        let fault = format!("it is signed with the {}", name.replace('-', " "));
        let forged = BundleSpec::of(Keys { seed, ..keys.clone() }, spec.base, spec.chunks.clone());
        area.wrong(&format!("forged-with-the-{name}"), &fault, "corrupt", &forged);
        area.wrong(&format!("forged-with-the-{name}-read"), &fault, "corrupt", &forged).key = keys.read_text();
    }
    area.sound("write-and-a-label", "the holder of a write key cannot tell the name of the domain", &{
        let mut spec = BundleSpec::full(&worked());
        spec.keys.domain = "any name".to_owned();
        spec
    })
    .key = keys.write_text();
    let changed = Change::update(&row_1(), list!["ho", NULL]);
    let delta = BundleSpec::delta(&worked(), vec![changed]);
    for (name, key) in [("write", keys.write_text()), ("read", keys.read_text())] {
        let vector = area.sound(&format!("{name}-chain"), &format!("the {name} key opens a chain"), &delta);
        after(vector, &["full"], "success", "success");
        vector.key = key;
    }
    area.vectors
}
