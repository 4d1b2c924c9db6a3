//! Copies: which of their bundles lead to the newest state. The component says what it wants to read, and this reads it.

use crate::bindings::Lifeboat;
use crate::bindings::exports::lifeboat::recovery::recovery::{Plan, Remarks, Save, Which};
use crate::{Chain, PIECE, accepted};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;
use wasmtime::component::ResourceAny;
use wasmtime::error::Context;
use wasmtime::{Result, Store, StoreLimits};

/// The most names that the component takes in one call.
const NAMES: usize = 10_000;
/// How deep the objects of a copy lie below its directory: `<domain id>/log/<13 digits>/…`.
const DEPTH: usize = 4;

/// Finds the chain to the newest state in copies that `backup_save` made. Tells people if it is an older state, and what
/// is not used.
///
/// # Errors
/// A directory cannot be listed; and those of the component: the copies hold nothing of this key, or nothing of it can be had.
pub fn newest(lifeboat: &Lifeboat, mut store: &mut Store<StoreLimits>, copies: &[String], key: &str) -> Result<Chain> {
    let calls = lifeboat.lifeboat_recovery_recovery().copies();
    let search = accepted(calls.call_open(&mut store, key, None, &Which::Newest)?)?;
    for (number, directory) in (0..).zip(copies) {
        let names = names(directory)?;
        // For an empty copy, too.
        accepted(calls.call_add_names(&mut store, search, number, &[])?)?;
        for some in names.chunks(NAMES) {
            accepted(calls.call_add_names(&mut store, search, number, some)?)?;
        }
    }
    while let Some(wanted) = accepted(calls.call_next(&mut store, search)?)? {
        hand_over(lifeboat, store, search, &path(copies, wanted.copy, &wanted.name))?;
    }
    // It also tells why there is no plan.
    print_remarks(&accepted(calls.call_remarks(&mut store, search)?)?, copies);
    let plan = accepted(calls.call_plan(&mut store, search)?)?.context("the copies gave no plan")?;
    print(&plan);
    let bundles = plan.steps.iter().map(|step| path(copies, step.copy, &step.name)).collect();
    Ok(Chain { bundles, state_id: Some(plan.save.state_id) })
}

/// The names of all files in a copy. Links are not followed.
fn names(directory: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in WalkDir::new(directory).min_depth(1).max_depth(DEPTH) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() > 0 => {
                println!("left out, since it cannot be listed: {error}");
                continue;
            }
            Err(error) => return Err(error).with_context(|| format!("cannot list {directory}")),
        };
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(directory).unwrap_or(entry.path());
            let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            names.push(parts.join("/"));
        }
    }
    Ok(names)
}

fn path(copies: &[String], copy: u32, name: &str) -> PathBuf {
    let directory = usize::try_from(copy).ok().and_then(|copy| copies.get(copy));
    Path::new(directory.map_or("", String::as_str)).join(name)
}

/// Hands an object on in pieces, until it is complete or known to be wrong; or says why it cannot be read here.
fn hand_over(lifeboat: &Lifeboat, mut store: &mut Store<StoreLimits>, search: ResourceAny, path: &Path) -> Result<()> {
    let calls = lifeboat.lifeboat_recovery_recovery().copies();
    let absent = |store: &mut Store<StoreLimits>, error: io::Error| {
        accepted(calls.call_absent(store, search, &format!("it cannot be read: {error}"))?)
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return absent(store, error),
    };
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                if !accepted(calls.call_push(&mut store, search, &piece[..length])?)? {
                    return Ok(());
                }
            }
            Err(error) => return absent(store, error),
        }
    }
}

fn print_remarks(remarks: &Remarks, copies: &[String]) {
    for unfit in &remarks.unfit {
        println!("not used: {}: {}", path(copies, unfit.copy, &unfit.name).display(), unfit.why);
    }
}

fn print(plan: &Plan) {
    println!("{}, in {} bundles", number(&plan.save), plan.steps.len());
    for left in &plan.left_out {
        println!("this is an OLDER state: save {} is left out: {}", left.number, left.why);
    }
}

fn number(save: &Save) -> String {
    let date = save.date.as_ref().map_or(String::new(), |date| format!(" of {date}"));
    format!("save {}{date}", save.number)
}
