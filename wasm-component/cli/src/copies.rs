//! Copies of a series in directories: which of their bundles lead to the state that is meant.

use crate::arguments::{Bundle, Choice};
use crate::bindings::lifeboat::recovery::recovery::{Copies, LeftOut, Plan, Remarks, Save, SaveKind, Standing, Which};
use crate::fail::{Fail, IoContext, Kind};
use crate::progress::{Phase, Progress};
use crate::report::shown;
use crate::say;
use serde_json::{Value, json};
use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::path::Path;

/// The most names that the interface takes in one call.
const NAMES: usize = 10_000;
/// The longest piece that the interface takes.
const PIECE: usize = 1 << 20;
/// How many remarks of a kind are written one by one.
const REMARKS: usize = 10;

/// What was found in copies.
pub struct Found {
    /// The directories, by the numbers of the copies.
    directories: Vec<String>,
    plan: Plan,
    remarks: Remarks,
}

/// Whether copies are meant, and not bundles.
///
/// # Errors
/// Misuse: some are directories and some are not; or a state of copies is chosen, and there are none.
pub fn are_meant(bundles: &[Bundle], choice: &Choice) -> Result<bool, Fail> {
    let is_directory = |bundle: &&Bundle| match bundle {
        Bundle::StandardInput => false,
        Bundle::File(path) => fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()),
    };
    let count = bundles.iter().filter(is_directory).count();
    match (count, bundles.len()) {
        (0, _) if *choice != Choice::default() => Err(Fail::misuse(
            "--domain, --seq, --state and --at choose among the saves of copies: give directories of copies",
        )),
        (0, _) => Ok(false),
        (directories, all) if directories == all => Ok(true),
        _ => Err(Fail::misuse("give bundles, or directories of copies, and not some of each")),
    }
}

/// Finds the bundles that lead to the state that is meant. Remarks go to the standard error.
///
/// # Errors
/// Those of the interface; host: a directory cannot be read.
pub fn find(directories: &[Bundle], key: &str, choice: &Choice, progress: Progress) -> Result<Found, Fail> {
    let which = match choice {
        Choice { seq: Some(number), .. } => Which::Number(*number),
        Choice { state: Some(state), .. } => Which::State(state.clone()),
        Choice { at: Some(date), .. } => Which::At(date.clone()),
        _ => Which::Newest,
    };
    let (copies, directories) = open(directories, key, choice, &which)?;
    let mut phase = progress.phase("checking", None);
    read(&copies, &directories, &mut phase, |_| Ok(()))?;
    let remarks = copies.remarks()?;
    say_remarks(&remarks, &directories);
    let plan = copies.plan()?.ok_or_else(|| Fail::host("the copies gave no plan"))?;
    Ok(Found { directories, plan, remarks })
}

/// Gives each save in copies to `take`, the newest first, with its line for people or as JSON.
///
/// # Errors
/// As [`find`], and those of `take`.
pub fn log(
    directories: &[Bundle],
    key: &str,
    choice: &Choice,
    as_json: bool,
    mut take: impl FnMut(&str) -> Result<(), Fail>,
) -> Result<(), Fail> {
    let (copies, directories) = open(directories, key, choice, &Which::Log)?;
    let mut phase = Progress { shown: false }.phase("checking", None);
    read(&copies, &directories, &mut phase, |save| {
        take(&if as_json { format!("{}\n", save_json(save)) } else { save_line(save) })
    })?;
    say_remarks(&copies.remarks()?, &directories);
    copies.plan()?;
    Ok(())
}

fn open(directories: &[Bundle], key: &str, choice: &Choice, which: &Which) -> Result<(Copies, Vec<String>), Fail> {
    let copies = Copies::open(key, choice.domain.as_deref(), which)?;
    let directories: Vec<_> = directories.iter().map(ToString::to_string).collect();
    for (number, directory) in (0..).zip(&directories) {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory).context("cannot list", directory)? {
            let entry = entry.context("cannot list", directory)?;
            list(&entry, &name_of(&entry), 0, &mut |name| {
                names.push(name);
                if names.len() < NAMES { Ok(()) } else { Ok(copies.add_names(number, &std::mem::take(&mut names))?) }
            })?;
        }
        copies.add_names(number, &names)?;
    }
    Ok((copies, directories))
}

/// How deep the objects of a copy lie below its directory: `<domain id>/log/<13 digits>/…`.
const DEPTH: usize = 3;

/// Gives the names of the regular files of a copy, and of all else in its directory. No link is followed.
fn list(
    entry: &DirEntry,
    name: &str,
    depth: usize,
    take: &mut impl FnMut(String) -> Result<(), Fail>,
) -> Result<(), Fail> {
    let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
    let is_of_copy = match depth {
        0 => name.len() == 32,
        1 => name.ends_with("/log") || name.ends_with("/bundles"),
        _ => depth < DEPTH,
    };
    if !is_directory || !is_of_copy {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        return if depth == 0 || is_file { take(name.to_owned()) } else { Ok(()) };
    }
    let Ok(entries) = fs::read_dir(entry.path()) else {
        say(&format!(
            "note: '{}' cannot be listed; what is in it is left out",
            shown(&entry.path().display().to_string())
        ));
        return Ok(());
    };
    entries.flatten().try_for_each(|below| list(&below, &format!("{name}/{}", name_of(&below)), depth + 1, take))
}

fn name_of(entry: &DirEntry) -> String {
    entry.file_name().to_string_lossy().into_owned()
}

/// Reads what the interface wants to read.
fn read(
    copies: &Copies,
    directories: &[String],
    phase: &mut Phase,
    mut take: impl FnMut(&Save) -> Result<(), Fail>,
) -> Result<(), Fail> {
    let mut piece = Vec::with_capacity(PIECE);
    while let Some(wanted) = copies.next()? {
        copies.saves()?.iter().try_for_each(&mut take)?;
        let directory = usize::try_from(wanted.copy).ok().and_then(|copy| directories.get(copy));
        let path = Path::new(directory.map_or("", String::as_str)).join(&wanted.name);
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) => {
                copies.absent(&format!("it cannot be opened: {error}"))?;
                continue;
            }
        };
        loop {
            piece.clear();
            match file.by_ref().take(PIECE as u64).read_to_end(&mut piece) {
                Ok(0) => break,
                Ok(length) => phase.add(length),
                Err(error) => {
                    copies.absent(&format!("it cannot be read: {error}"))?;
                    break;
                }
            }
            if !copies.push(&piece)? {
                break;
            }
        }
    }
    copies.saves()?.iter().try_for_each(&mut take)
}

/// Says what is not as it should be in the copies.
fn say_remarks(remarks: &Remarks, directories: &[String]) {
    let directory = |copy: u32| {
        let directory = usize::try_from(copy).ok().and_then(|copy| directories.get(copy));
        shown(directory.map_or("", String::as_str))
    };
    for unfit in remarks.unfit.iter().take(REMARKS) {
        say(&format!("note: '{}/{}' is not used: {}", directory(unfit.copy), unfit.name, shown(&unfit.why)));
    }
    let more = remarks.unfit_more + remarks.unfit.len().saturating_sub(REMARKS) as u64;
    if more > 0 {
        say(&format!("note: {more} more objects are not used; --json lists them"));
    }
    for (number, copy) in (0..).zip(&remarks.copies) {
        let directory = directory(number);
        let newest = copy.newest.as_ref().map(when).unwrap_or_default();
        match copy.standing {
            Some(Standing::Behind) => say(&format!("note: '{directory}' is behind: its newest is {newest}")),
            Some(Standing::Withholds) => say(&format!(
                "note: '{directory}' withholds saves, or nobody saves to it any more: its newest is {newest}"
            )),
            Some(Standing::Empty) => say(&format!("note: '{directory}' holds no save of this series")),
            Some(Standing::Current | Standing::Forked) | None => {}
        }
        if copy.junk > 0 {
            say(&format!(
                "note: '{directory}' holds {} names that are none of a copy; they are passed over",
                copy.junk
            ));
        }
    }
}

/// The number and, where it is known, the date.
fn when(save: &Save) -> String {
    let date = save.date.as_ref().map_or(String::new(), |date| format!(" of {date}"));
    format!("number {}{date}", save.number)
}

fn kind_name(save: &Save) -> &'static str {
    match save.kind {
        SaveKind::Full => "full",
        SaveKind::Delta => "delta",
        SaveKind::Mark => "mark",
    }
}

fn by(save: &Save) -> String {
    let writer = save.writer.as_ref().map_or(String::new(), |writer| format!(", by {}", shown(writer)));
    save.label.as_ref().map_or(writer.clone(), |label| format!("{writer}: {}", shown(label)))
}

fn save_line(save: &Save) -> String {
    let date = save.date.as_deref().unwrap_or("-");
    let size = save.size.map_or("-".to_owned(), |size| size.to_string());
    let (state, kind) = (&save.state_id, kind_name(save));
    format!("{:<8} {date:<24} {kind:<5} {size:>12} {state}{}\n", save.number, by(save))
}

fn save_json(save: &Save) -> Value {
    json!({
        "number": save.number,
        "record-hash": save.record_hash,
        "state-id": save.state_id,
        "kind": kind_name(save),
        "size": save.size,
        "sha256": save.sha256,
        "uuid": save.uuid,
        "date": save.date,
        "writer": save.writer,
        "label": save.label,
    })
}

impl Found {
    /// The bundles, oldest first.
    pub fn bundles(&self) -> Vec<Bundle> {
        let directory = |copy: u32| usize::try_from(copy).ok().and_then(|copy| self.directories.get(copy));
        let path = |copy, name: &str| Path::new(directory(copy).map_or("", String::as_str)).join(name);
        self.plan
            .steps
            .iter()
            .map(|step| Bundle::File(path(step.copy, &step.name).to_string_lossy().into_owned()))
            .collect()
    }

    /// The state to which they lead.
    pub fn state_id(&self) -> &str {
        &self.plan.save.state_id
    }

    /// For the report: lines for people.
    pub fn text(&self) -> String {
        let left_out = self.plan.left_out.iter().map(|left| format!("left out     {}\n", left_out_text(left)));
        let more = match self.plan.left_out_more {
            0 => String::new(),
            more => format!("left out     and {more} more saves\n"),
        };
        let older = if self.is_older() { " (OLDER than what was asked for)" } else { "" };
        let save = &self.plan.save;
        format!("save         {}{}{older}\n{}{more}", when(save), by(save), left_out.collect::<String>())
    }

    /// The same as JSON, as the member `series`.
    pub fn json(&self) -> Value {
        let directory = |copy: u32| usize::try_from(copy).ok().and_then(|copy| self.directories.get(copy));
        let plan = &self.plan;
        let left_out = plan.left_out.iter();
        let copies = (0..).zip(&self.remarks.copies).map(|(number, copy)| {
            json!({
                "directory": directory(number),
                "standing": copy.standing.map(standing_name),
                "newest": copy.newest.as_ref().map(save_json),
                "junk": copy.junk,
            })
        });
        let unfit = self.remarks.unfit.iter();
        json!({
            "domain-id": plan.domain_id,
            "save": save_json(&plan.save),
            "older": self.is_older(),
            "left-out": left_out.map(|left| json!({
                "number": left.number,
                "save": left.save.as_ref().map(save_json),
                "why": left.why,
            })).collect::<Vec<_>>(),
            "left-out-more": plan.left_out_more,
            "steps": plan.steps.iter().map(|step| json!({
                "directory": directory(step.copy),
                "name": step.name,
                "size": step.size,
            })).collect::<Vec<_>>(),
            "copies": copies.collect::<Vec<_>>(),
            "unfit": unfit.map(|unfit| json!({
                "directory": directory(unfit.copy),
                "name": unfit.name,
                "why": unfit.why,
            })).collect::<Vec<_>>(),
            "unfit-more": self.remarks.unfit_more,
            "junk": self.remarks.junk,
        })
    }

    fn is_older(&self) -> bool {
        !self.plan.left_out.is_empty()
    }

    /// Says, when everything has been written, that it is an older state.
    ///
    /// # Errors
    /// Incomplete when it is.
    pub fn check_newest(&self) -> Result<(), Fail> {
        let Some(first) = self.plan.left_out.first() else { return Ok(()) };
        let more = match self.plan.left_out.len() as u64 - 1 + self.plan.left_out_more {
            0 => String::new(),
            1 => ", and 1 more save".to_owned(),
            more => format!(", and {more} more saves"),
        };
        let message = format!(
            "this is an older state, {}; left out: {}{more}; look for another copy",
            when(&self.plan.save),
            left_out_text(first)
        );
        Err(Fail { kind: Kind::Incomplete, message })
    }
}

fn left_out_text(left: &LeftOut) -> String {
    let when = left.save.as_ref().map_or_else(|| format!("number {}", left.number), when);
    format!("{when} ({})", shown(&left.why))
}

fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Current => "current",
        Standing::Behind => "behind",
        Standing::Empty => "empty",
        Standing::Withholds => "withholds",
        Standing::Forked => "forked",
    }
}
