//! All vectors of the log: `cargo test -p lifeboat-core --test log_vectors` makes them and compares them with the files.

mod details;
mod floors;
mod records;

use crate::support::cbor::Cbor;
use crate::support::keys::{Id, Keys};
use crate::support::log_spec::{FLOOR, Statement, place};
use crate::support::log_vector::LogVector;
use lifeboat_core::RecoveryKey;
use lifeboat_core::keys::VerifyKey;

pub fn all() -> Vec<LogVector> {
    let mut area = Area { vectors: Vec::new() };
    records::cases(&mut area);
    details::cases(&mut area);
    floors::cases(&mut area);
    area.vectors.sort_by(|a, b| a.field("name").cmp(b.field("name")));
    area.vectors
}

pub struct Area {
    vectors: Vec<LogVector>,
}

impl Area {
    fn add(&mut self, name: &str, fault: &str, form: &str, bytes: Vec<u8>) -> &mut LogVector {
        self.vectors.push(LogVector { fields: Vec::new(), bytes });
        let vector = self.vectors.last_mut().expect("it was just added");
        vector.set("name", &format!("{form}-{name}")).set("fault", fault).set("form", form);
        vector.set("section", if form == "floor" { "Floor statement" } else { "Record" });
        vector.set("key", &recovery_text(crate::support::keys::recovery()))
    }

    /// Nothing is wrong.
    pub fn sound(&mut self, name: &str, what: &str, statement: &Statement) -> &mut LogVector {
        let vector = self.add(name, &format!("nothing: {what}"), form(statement), statement.bytes());
        vector.set("outcome", "success").set("keyless", "success");
        let key = vector.field("key").to_owned();
        // What it says is what the core read when the vector was made; the second decoder has to read the same.
        let says = vector.read(&key).unwrap_or_else(|error| panic!("{name}: {error}"));
        vector.set("says", &says)
    }

    /// What anybody sees.
    pub fn wrong(&mut self, name: &str, fault: &str, rule: &str, kind: &str, statement: &Statement) -> &mut LogVector {
        let vector = self.add(name, fault, form(statement), statement.bytes());
        vector.set("rule", rule).set("outcome", kind).set("keyless", kind)
    }

    /// What only a holder of a key sees.
    pub fn hidden(&mut self, name: &str, fault: &str, rule: &str, kind: &str, statement: &Statement) -> &mut LogVector {
        self.wrong(name, fault, rule, kind, statement).set("keyless", "success")
    }

    /// Each fault that the item at this place can have by its form.
    pub fn each_form(&mut self, name: &str, rule: &str, statement: &Statement, at: usize, item: &Cbor) {
        // An array of references or of bundles may have one less.
        let lists = [place::PREVIOUS, place::BUNDLES];
        let faults = item.faults().into_iter().filter(|(short, ..)| !(lists.contains(&at) && *short == "short"));
        for (short, fault, item) in faults {
            let fault = format!("{} {fault}", name.replace('-', " "));
            let statement = statement.clone().with_field(at, item);
            self.wrong(&format!("{name}-{short}"), &fault, rule, "corrupt", &statement);
        }
    }
}

fn form(statement: &Statement) -> &'static str {
    if statement.label == FLOOR { "floor" } else { "record" }
}

pub fn recovery_text(key: Id) -> String {
    RecoveryKey::from_bytes(key).expect("no broken generator").to_text().to_string()
}

pub fn verify_text(keys: &Keys) -> String {
    VerifyKey(keys.verify_key()).to_string()
}
