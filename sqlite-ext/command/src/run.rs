//! What each command does: it calls its function, and prints what that says.

use crate::arguments::{Command, DerivedKey, Keygen, Rows, Save, Status, VerifyKey};
use crate::fail::{Fail, Kind};
use crate::keys;
use crate::lines;
use crate::node::Node;
use crate::options::{Options, number_or_text};
use crate::output::{print, print_line};
use crate::report;
use crate::session::{Narrow, Session, text};
use lifeboat_store::{Places, is_store};
use rusqlite::types::Value;
use serde_json::json;
use zeroize::Zeroizing;

/// Runs a command, and prints its result.
///
/// # Errors
/// Those of the function; incomplete, when what was printed is not all.
pub fn run(command: Command, json: bool) -> Result<(), Fail> {
    let shown = |session: &Session, function: &str, arguments: Vec<Value>, people: fn(&Node) -> String| {
        let report = session.call(function, arguments)?;
        show(&report, json, people)
    };
    match command {
        Command::Export(export) => {
            let options =
                Options::default().flag("replace", export.replace).base(export.base).snapshot(export.snapshot)?;
            let arguments = vec![export.key.needed()?.into(), export.out.into(), text(options.json())];
            let session = Session::open(Some(&export.database), "exporting")?;
            shown(&session, "backup_export_file", arguments, report::export)?;
        }
        Command::Estimate(estimate) => {
            let options = Options::default().base(estimate.base).snapshot(estimate.snapshot)?;
            let arguments = vec![estimate.key.needed()?.into(), text(options.json())];
            let session = Session::open(Some(&estimate.database), "estimating")?;
            shown(&session, "backup_estimate", arguments, report::estimate)?;
        }
        Command::Save(save) => {
            let (database, arguments) = saving(*save)?;
            shown(&Session::open(database.as_deref(), "saving")?, "backup_save", arguments, report::save)?;
        }
        Command::Protect(protect) => crate::protect::run(*protect, json)?,
        Command::Report(report) => crate::overview::run(&report, json)?,
        Command::Sheet(sheet) => crate::sheet::run(&sheet, json)?,
        Command::Status(status) => {
            let (database, arguments) = standing(status)?;
            shown(&Session::open(database.as_deref(), "asking")?, "backup_status", arguments, report::status)?;
        }
        Command::Scrub(scrub) => {
            let seconds = scrub.seconds.as_deref().map(number_or_text);
            let options = Options::default().put("level", scrub.level).put("domain", scrub.domain);
            let options = options.flag("repair", scrub.repair).flag("add", scrub.add);
            let options = options.put("seconds", seconds).put("cursor", scrub.cursor).put("local", scrub.local);
            let options = options.events(scrub.events)?.json();
            let arguments = vec![array(scrub.stores.stores), scrub.key.needed()?.into(), text(options)];
            let report = shown(&Session::open(None, "checking")?, "backup_scrub", arguments, report::scrub)?;
            check_sound(&report)?;
        }
        Command::Prune(prune) => {
            let mut keep = serde_json::Map::new();
            for (rule, number) in prune.keep {
                if keep.insert(rule.clone(), number.into()).is_some() {
                    return Err(Fail::misuse(format!("--keep names {rule} twice")));
                }
            }
            let options = Options::default().put("keep", (!keep.is_empty()).then_some(keep)).put("copy", prune.copy);
            let options = options.put("dry_run", prune.dry_run).put("minimum", prune.minimum);
            let options = options.flag("force", prune.force).put("domain", prune.domain);
            let options = options.put("local", prune.local).json();
            let arguments = vec![array(prune.stores.stores), prune.key.needed()?.into(), text(options)];
            shown(&Session::open(None, "pruning")?, "backup_prune", arguments, report::prune)?;
        }
        Command::Log(log) => {
            let mut arguments = vec![array(log.stores.stores)];
            arguments.extend(log.key.given()?.map(Value::Text));
            let narrow = Narrow { limit: log.limit, ..Narrow::default() };
            let session = Session::open(None, "listing")?;
            lines::show(&session, "backup_log", lines::log(json), arguments, &narrow, json)?;
        }
        Command::Events(events) => {
            let after = events.after.map_or(Value::Null, |after| Value::Integer(after.into()));
            let arguments = vec![text(events.local), after];
            let narrow = Narrow { limit: events.limit, ..Narrow::default() };
            let session = Session::open(events.database.as_deref(), "listing")?;
            lines::show(&session, "backup_events", lines::events(json), arguments, &narrow, json)?;
        }
        Command::Verify(verify) => {
            let options = Options::default().put("level", verify.level).put("expect", verify.expect);
            let options = options.budget(verify.budget).put("domain", verify.series.domain).json();
            let arguments = vec![array(verify.bundles.bundles), text(verify.key.given()?), text(options)];
            shown(&Session::open(None, "verifying")?, "backup_verify", arguments, report::verify)?;
        }
        Command::Info(info) => {
            let options = Options::default().flag("salvage", info.salvage).put("domain", info.series.domain).json();
            let mut arguments = vec![array(info.bundles.bundles)];
            // Without a key it tells what anybody can see. The options are for holders of the key.
            let key = if options.is_some() { Some(info.key.needed()?) } else { info.key.given()? };
            arguments.extend(key.map(Value::Text));
            arguments.extend(options.map(Value::Text));
            let report = shown(&Session::open(None, "reading")?, "backup_info", arguments, report::info)?;
            check_complete(&report)?;
        }
        Command::Tables(tables) => {
            let arguments = vec![array(tables.bundles.bundles), tables.key.needed()?.into()];
            let session = Session::open(None, "reading")?;
            lines::show(&session, "backup_tables", lines::tables(json), arguments, &Narrow::default(), json)?;
        }
        Command::Rows(rows) => self::rows(rows, json)?,
        Command::Diff(diff) => {
            let arguments = vec![array(diff.old), array(diff.new), diff.key.needed()?.into()];
            let session = Session::open(None, "comparing")?;
            lines::show(&session, "backup_diff", &lines::DIFF, arguments, &Narrow::default(), json)?;
        }
        Command::Compose(compose) => {
            let options =
                Options::default().flag("replace", compose.replace).compress(&compose.packing.compress)?.json();
            let key = compose.key.needed()?;
            let arguments = vec![array(compose.bundles.bundles), key.into(), compose.out.into(), text(options)];
            shown(&Session::open(None, "composing")?, "backup_compose_file", arguments, report::export)?;
        }
        Command::Restore(restore) => {
            let options = Options::default()
                .flag("replace", restore.replace)
                .put("expect", restore.expect)
                .put("page_size", restore.page_size)
                .put("auto_vacuum", restore.auto_vacuum)
                .flag("skip_indexes", restore.skip_indexes)
                .budget(restore.budget)
                .flag("salvage", restore.salvage)
                .put("domain", restore.series.domain)
                .flag("resume", restore.resume);
            let key = restore.key.needed()?;
            let arguments = vec![array(restore.bundles.bundles), key.into(), restore.out.into(), text(options.json())];
            let report = shown(&Session::open(None, "restoring")?, "backup_restore_file", arguments, report::restore)?;
            check_complete(&report)?;
        }
        Command::RestoreAll(all) => {
            let options = Options::default().flag("replace", all.replace).flag("skip_indexes", all.skip_indexes);
            let options = options.flag("resume", all.resume).budget(all.budget).json();
            let arguments = vec![array(all.stores.stores), all.key.needed()?.into(), all.out.into(), text(options)];
            let report =
                shown(&Session::open(None, "restoring")?, "backup_restore_all", arguments, report::restore_all)?;
            check_all(&report)?;
        }
        Command::Keygen(keygen) => self::keygen(&keygen, json)?,
        Command::WriteKey(key) => derived(&key, "backup_write_key", "write key", json)?,
        Command::ReadKey(key) => derived(&key, "backup_read_key", "read key", json)?,
        Command::VerifyKey(key) => verify_key(key, json)?,
        Command::Version => {
            shown(&Session::open(None, "")?, "backup_version", Vec::new(), report::version)?;
        }
        Command::Completions { .. } | Command::Man { .. } => unreachable!("they need no database, and run before"),
    }
    Ok(())
}

/// The report of a function.
///
/// # Errors
/// Internal when it is not JSON.
pub fn parsed(report: &str) -> Result<Node, Fail> {
    Node::parse(report).map_err(|error| Fail::new(Kind::Internal, format!("the report is not JSON: {error}")))
}

/// Prints a report, and gives it.
pub fn show(report: &str, json: bool, people: fn(&Node) -> String) -> Result<Node, Fail> {
    let node = parsed(report)?;
    if json {
        print_line(report)?
    } else {
        print(&people(&node))?
    }
    Ok(node)
}

/// One name stands alone, since an array is a chain or copies.
pub fn array(mut names: Vec<String>) -> Value {
    Value::Text(if names.len() == 1 { literal(names.remove(0)) } else { json!(names).to_string() })
}

/// The stores themselves.
///
/// # Errors
/// Misuse for a text that is not the name of a store; host when a configuration cannot be read.
pub fn places(stores: &[String]) -> Result<Places, Fail> {
    let places = match stores {
        [one] => Places::parse(one),
        several => Places::from_array(several),
    };
    places.map_err(|error| Fail::of_core(&error))
}

/// A path that begins with `[` would be read as an array.
fn literal(name: String) -> String {
    if name.starts_with('[') { format!("./{name}") } else { name }
}

/// The database, if there is one, and the stores: they may all stand in a row.
fn split(database: Option<String>, mut stores: Vec<String>) -> (Option<String>, Vec<String>) {
    match database {
        Some(first) if is_store(&first) => {
            stores.insert(0, first);
            (None, stores)
        }
        database => (database, stores),
    }
}

fn saving(save: Save) -> Result<(Option<String>, Vec<Value>), Fail> {
    let (database, stores) = split(save.database, save.stores);
    match (&database, save.files.is_empty()) {
        (None, true) => return Err(Fail::misuse("what shall be saved? Give a database before the stores, or --files")),
        (Some(path), false) => {
            return Err(Fail::misuse(format!(
                "--files saves files in place of a database, and '{path}' is no store; leave it out"
            )));
        }
        _ => {}
    }
    if stores.is_empty() {
        return Err(Fail::misuse("give one store or more, such as dir:PATH"));
    }
    let options = Options::default()
        .put("continue", save.go_on)
        .flag("add", save.add)
        .put("date", save.date.as_deref().map(number_or_text))
        .saving(save.saving)?
        .files(save.files)?
        .snapshot(save.snapshot)?;
    let key = save.key.needed()?;
    Ok((database, vec![key.into(), array(stores), text(options.json())]))
}

fn standing(status: Status) -> Result<(Option<String>, Vec<Value>), Fail> {
    let (database, stores) = split(status.database, status.stores);
    let options = Options::default().put("local", status.local).put("domain", status.domain).json();
    let arguments = match stores.is_empty() {
        true => options.map(Value::Text).into_iter().collect(),
        false => vec![array(stores), status.key.needed()?.into(), text(options)],
    };
    Ok((database, arguments))
}

fn rows(rows: Rows, json: bool) -> Result<(), Fail> {
    let options = Options::default().flag("salvage", rows.salvage).json();
    let mut arguments = vec![array(rows.bundles.bundles), rows.key.needed()?.into(), rows.table.into()];
    arguments.extend(options.map(Value::Text));
    let key = rows.lookup.map(|key| key.parse().map_or(Value::Text(key), Value::Integer));
    let session = Session::open(None, "reading")?;
    lines::show(&session, "backup_rows", &lines::ROWS, arguments, &Narrow { key, limit: rows.limit }, json)
}

/// # Errors
/// Incomplete when something of what was salvaged is missing.
fn check_complete(report: &Node) -> Result<(), Fail> {
    let (damaged, missing) = (report.get("damaged").items().len(), report.get("missing").items().len() as u64);
    let missing = missing + report.get("missing_more").number();
    if !report.get("salvaged").is_true() || (damaged == 0 && missing == 0) {
        return Ok(());
    }
    Err(Fail::new(
        Kind::Incomplete,
        format!(
            "{damaged} of the bundles are damaged, and {missing} ranges of the state are missing; look for another copy"
        ),
    ))
}

/// # Errors
/// Incomplete when a series was not restored.
fn check_all(report: &Node) -> Result<(), Fail> {
    match report.get("failed").number() {
        0 => Ok(()),
        failed => Err(Fail::new(Kind::Incomplete, format!("{failed} were not restored; the report says why"))),
    }
}

/// # Errors
/// Incomplete when not all copies are known to be sound.
fn check_sound(report: &Node) -> Result<(), Fail> {
    match (report.get("sound").is_true(), report.get("finished").is_true()) {
        (true, _) => Ok(()),
        (false, true) => Err(Fail::new(Kind::Incomplete, "not all copies are sound; the report says what is wrong")),
        (false, false) => Err(Fail::new(Kind::Incomplete, "the check is not finished; go on with --cursor")),
    }
}

fn keygen(keygen: &Keygen, json: bool) -> Result<(), Fail> {
    let place = keygen.secret_file.as_ref().map(|path| format!("file:{path}"));
    let place = place.or_else(|| keygen.secret_env.as_ref().map(|name| format!("env:{name}")));
    let arguments = match (place, &keygen.label) {
        (Some(place), label) => vec![place.into(), text(label.clone())],
        (None, None) => Vec::new(),
        (None, Some(_)) => {
            return Err(Fail::misuse("--label is of a key from a secret; give --secret-file or --secret-env, too"));
        }
    };
    let key = Zeroizing::new(Session::open(None, "making a key")?.call("backup_keygen", arguments)?);
    keys::write_new(&keygen.out, &key)?;
    wrote(&keygen.out, "recovery key", "keep it in two places that cannot burn together, and off this machine", json)
}

fn derived(made: &DerivedKey, function: &str, what: &str, json: bool) -> Result<(), Fail> {
    let mut arguments = vec![made.key.needed()?.into()];
    arguments.extend(made.domain.clone().map(Value::Text));
    let key = Zeroizing::new(Session::open(None, "making a key")?.call(function, arguments)?);
    keys::write_new(&made.out, &key)?;
    wrote(&made.out, what, "only you may read the file", json)
}

/// Says what was written where.
///
/// # Errors
/// Host when the standard output cannot be written.
pub fn wrote(path: &str, what: &str, advice: &str, json: bool) -> Result<(), Fail> {
    match json {
        true => print_line(&json!({ "path": path }).to_string()),
        false => print_line(&format!("wrote the {what} to '{}': {advice}", crate::words::printable(path))),
    }
}

fn verify_key(made: VerifyKey, json: bool) -> Result<(), Fail> {
    let mut arguments = vec![made.key.needed()?.into()];
    arguments.extend(made.domain.map(Value::Text));
    let key = Session::open(None, "making a key")?.call("backup_verify_key", arguments)?;
    if json { print_line(&json!({ "verify_key": key }).to_string()) } else { print_line(&key) }
}
