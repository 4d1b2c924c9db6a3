//! `lifeboat protect`: the protection of a database in a process of its own, until a signal ends it.

use crate::arguments::Protect;
use crate::fail::{Fail, Kind};
use crate::node::Node;
use crate::options::Options;
use crate::report;
use crate::run::{array, parsed, show};
use crate::session::{Session, text};
use crate::words::{for_shell, printable};
use crate::{stop, systemd};
use rusqlite::types::Value;
use std::io::{self, Write};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// How often it looks at how the protection stands.
const LOOK: Duration = Duration::from_secs(1);

/// Protects the database until a signal comes, and saves once more.
///
/// # Errors
/// Those of the function; when the protection ends by itself, why; those of the last save.
pub fn run(protect: Protect, json: bool) -> Result<(), Fail> {
    let database = protect.database.clone();
    let local = Options::default().put("local", protect.saving.local.clone()).json();
    let (rollback, read_all_every) = (protect.rollback, protect.read_all_every);
    let (key, stores, options) = asked(protect)?;
    let signals = stop::words()?;
    let session = Session::open_for_good(Some(&database), "")?;
    let arguments = |options: &Options| vec![Value::Text(key.clone()), stores.clone(), text(options.json())];
    let protection = options.clone().flag("rollback", rollback).put("read_all_every", read_all_every);
    let report = session.call("backup_protect", arguments(&protection))?;
    show(&report, json, report::protect)?;
    systemd::tell("READY=1");
    let mut told = None;
    while signals.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let status = session.call("backup_status", local.clone().into_iter().map(Value::Text).collect())?;
        let status = parsed(&status)?;
        let protection = status.get("protection");
        let failed = failure(protection.get("failed"));
        match (protection.get("state").line().as_str(), failed) {
            ("stopped", failed) => {
                session.leave_journals()?;
                return Err(failed.unwrap_or_else(|| Fail::host("the protection has ended")));
            }
            (_, Some(failed)) => tell(&mut told, format!("{failed}")),
            (_, None) if told.is_some() => {
                tell(&mut told, "saved again".to_owned());
                told = None;
            }
            (_, None) => {}
        }
    }
    systemd::tell("STOPPING=1");
    session.call("backup_save", arguments(&options)).map(drop)
}

/// The key, the stores, and the options of a save.
fn asked(protect: Protect) -> Result<(String, Value, Options), Fail> {
    let options = Options::default().saving(protect.saving)?.snapshot(protect.snapshot)?;
    Ok((protect.key.needed()?, array(protect.stores.stores), options))
}

fn failure(failed: &Node) -> Option<Fail> {
    if failed.is_empty() {
        return None;
    }
    let kind = failed.get("kind").line();
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).unwrap_or(Kind::Host);
    Some(Fail::new(kind, for_shell(&failed.get("message").line())))
}

/// Says something new on the standard error, with the time that the service manager puts before it.
fn tell(told: &mut Option<String>, text: String) {
    if told.as_ref() != Some(&text) {
        let _ = writeln!(io::stderr(), "lifeboat protect: {}", printable(&text));
        *told = Some(text);
    }
}
