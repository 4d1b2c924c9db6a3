//! `backup_restore_all(stores, key, directory [, options])` restores the newest state of each series of the key into a
//! directory, and gives a JSON report.
//!
//! A recovery key restores all of its domains; a write key or a read key restores its own domain. A database becomes a
//! file with the name of its domain; files (`work/export/file_domain.rs`) become a folder with that name. Names may be
//! hostile: characters that are not allowed everywhere in a file name are escaped (`files/names.rs`). If the name is
//! taken, or does not belong to the domain id, the id follows the name. Each series is restored completely or not at
//! all, and an error in one series does not stop the others.
//!
//! The directory is made if it does not exist, but its parent is not made. Options: `replace` (default false),
//! `skip_indexes`, `max_bytes`, `trusted`: as for `backup_restore_file`, for each series; `resume` (default false): the
//! databases save to their series from now on.
//!
//! Report: `restored` and `failed`, numbers; `domains`, an array: `domain`, `domain_id`; `path`, `state_id`; `rows` and
//! the checks of `backup_restore_file`, or `files`; `number`, `record`, `date`, `copies` of its series; or `error`
//! (`kind`, `message`); `unreachable`: the stores that did not answer (`store`, `why`), if there are any; `plain`. If
//! none is restored, that is an error.

use crate::files::{Folder, FoundCall, Guard, escaped, folded, is_one_file, make_directory, sync_directory};
use crate::sql::arguments::ChainArgument;
use crate::sql::edge::{Call, Reply};
use crate::sql::interrupt::AppInterrupt;
use crate::sql::redact::redact;
use crate::work::export::file_domain;
use crate::work::read::file_source::open_chain;
use crate::work::read::given::{Given, SeriesReport, open_copies, refuse_selector, refuse_store};
use crate::work::rebuild::new_database::NewDatabase;
use crate::work::rebuild::scratch::{self, Built, Checks, Place};
use lifeboat_core::keys::DomainId;
use lifeboat_core::{AccessKey, Error, ErrorKind, Result};
use lifeboat_sqlite::{Cipher, Connection, OpenMode, RebuildOptions, check_may_export};
use lifeboat_store::read::{Domains, ReadingKey, Wait, domains};
use lifeboat_store::{CopyName, Places};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    replace: bool,
    skip_indexes: bool,
    max_bytes: Option<u64>,
    trusted: bool,
    resume: bool,
}

#[derive(Serialize)]
struct Report {
    restored: usize,
    failed: usize,
    domains: Vec<Line>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreachable: Vec<Unreachable>,
    /// The database of the calling connection is encrypted, but the new files are not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    plain: bool,
}

/// What became of one series.
#[derive(Serialize)]
struct Line {
    /// The name in its bundles. None: the bundles could not be opened.
    domain: Option<String>,
    domain_id: String,
    #[serde(flatten)]
    restored: Option<Restored>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    #[serde(flatten)]
    series: Option<SeriesReport>,
}

#[derive(Serialize)]
struct Restored {
    path: String,
    /// None: indexes were left out.
    state_id: Option<String>,
    #[serde(flatten)]
    content: Content,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content {
    Database {
        rows: u64,
        #[serde(flatten)]
        checks: Box<Checks>,
    },
    Files {
        files: u64,
    },
}

#[derive(Serialize)]
struct Failure {
    kind: &'static str,
    message: String,
}

/// A store that did not answer. It may hold more series.
#[derive(Serialize)]
struct Unreachable {
    #[serde(flatten)]
    store: CopyName,
    why: String,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    check_may_export(&app)?;
    let places = call.arguments.stores(0, &app)?;
    refuse_selector(&places, "this restores the newest state of each series;")?;
    let key = call.arguments.access_key(1)?;
    let directory = call.arguments.path(2)?;
    let options: Options = call.arguments.options(3)?;
    // A restored name must not be the name of something in a store.
    refuse_store(&places, &directory, "one of the stores; give another directory")?;
    let interrupt = AppInterrupt::of(&app)?;
    let reading = ReadingKey::Access(key.clone());
    let stores = open_copies(&places)?;
    let found = {
        let interrupted = || interrupt.check().is_err();
        domains(&stores, &reading, &Wait { patience: Wait::PATIENCE, interrupted: &interrupted })?
    };
    let unreachable = unreachable(&found, &places);
    if found.own.is_empty() {
        // This gives the same error as for one series: whether there are others, or who did not answer.
        Given::whole(ChainArgument::Stores(places), Some(&reading), None, &interrupt)?;
        return Err(Error::host("the first series of this key came to the stores meanwhile; call again"));
    }
    let made = prepare(&directory)?;
    let mut all = All {
        app: &app,
        places: &places,
        key: &key,
        reading: &reading,
        key_files: call.arguments.key_files()?,
        directory: &directory,
        options: &options,
        interrupt: &interrupt,
        taken: Vec::new(),
        made: Vec::new(),
    };
    let (mut lines, mut first) = (Vec::new(), None);
    for series in &found.own {
        let (line, error) = all.restore(series.domain_id);
        match error {
            Some(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            error => first = first.or(error),
        }
        lines.push(line);
    }
    let failed = lines.iter().filter(|line| line.error.is_some()).count();
    if let (true, Some(error)) = (failed == lines.len(), first) {
        if made {
            // Either it is empty, or it is not ours and stays.
            let _ = fs::remove_dir(&directory);
        }
        return Err(error.at(format!("none of {failed} series is restored; the first")));
    }
    let plain = Cipher::of(&app, "main")?.is_some();
    Reply::json(&Report { restored: lines.len() - failed, failed, domains: lines, unreachable, plain })
}

fn unreachable(found: &Domains, places: &Places) -> Vec<Unreachable> {
    let of = |(place, error): &(usize, lifeboat_store::StoreError)| Unreachable {
        store: places.names().nth(*place).unwrap_or_default(),
        why: error.message().to_owned(),
    };
    found.failed.iter().map(of).collect()
}

/// Makes the directory if it does not exist. True: it was made.
fn prepare(directory: &Path) -> Result<bool> {
    let shown = directory.display();
    match fs::metadata(directory) {
        Ok(found) if found.is_dir() => Ok(false),
        Ok(_) => Err(Error::misuse(format!("'{shown}' is not a directory; give the path of one"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_directory(directory).and_then(|()| sync_directory(directory)).map(|()| true).map_err(|error| {
                Error::host(format!(
                    "cannot make the directory '{shown}': {error}; its parent must exist and be writable"
                ))
            })
        }
        Err(error) => Err(Error::host(format!("cannot use '{shown}': {error}"))),
    }
}

/// What all series have in common when they are restored.
struct All<'a, 'i> {
    app: &'a Connection<'a>,
    places: &'a Places,
    key: &'a AccessKey,
    reading: &'a ReadingKey,
    key_files: Vec<PathBuf>,
    directory: &'a Path,
    options: &'a Options,
    interrupt: &'a AppInterrupt<'i>,
    /// The names that are taken already, as [`folded`] gives them.
    taken: Vec<String>,
    /// What was restored already.
    made: Vec<PathBuf>,
}

impl All<'_, '_> {
    /// Restores one series. The error is also in the line.
    fn restore(&mut self, id: DomainId) -> (Line, Option<Error>) {
        let mut line = Line { domain: None, domain_id: id.to_string(), restored: None, error: None, series: None };
        match self.try_restore(id, &mut line) {
            Ok(restored) => line.restored = Some(restored),
            Err(error) => {
                line.error = Some(Failure { kind: error.kind().name(), message: redact(error.message()) });
                return (line, Some(error));
            }
        }
        (line, None)
    }

    fn try_restore(&mut self, id: DomainId, line: &mut Line) -> Result<Restored> {
        let mut given = Given::of_series(self.places, self.reading, id, self.interrupt, &mut line.series)?;
        let (name, is_of_files) = {
            let chain = open_chain(self.key, &given.bundles)?;
            let newest = chain.newest();
            line.domain = Some(newest.domain().to_owned());
            let name = self.name(newest.domain(), newest.domain_is_proven() != Some(false), id)?;
            (name, file_domain::is_of_files(&chain.settings()?, &chain.schema()?))
        };
        let path = self.directory.join(name);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Err(Error::misuse(format!("'{}' is a symbolic link; give another directory", path.display())));
        }
        let guard = Guard(FoundCall {
            app: self.app,
            key: self.key,
            domain: None,
            key_files: self.key_files.clone(),
            reads: Vec::new(),
        });
        let restored =
            if is_of_files { self.files(&given, &guard, &path) } else { self.database(&mut given, &guard, &path) };
        // A database is there even if its local state could not be written.
        if restored.is_ok() || self.options.resume {
            self.made.push(path);
        }
        restored
    }

    /// A file name for a domain, which no other domain has here. If the maker of the bundles took the name of another
    /// domain, the id follows the name.
    fn name(&mut self, domain: &str, is_its_own: bool, id: DomainId) -> Result<String> {
        let plain = escaped(domain).filter(|_| is_its_own);
        let marked = format!("{}{id}", escaped(domain).map_or(String::new(), |name| name + "-"));
        let is_free = |name: &String| {
            // A file system may take more names for one than we know of: two ways to write one letter, for example.
            let path = self.directory.join(name);
            !self.taken.contains(&folded(name)) && self.made.iter().all(|made| !is_one_file(made, &path))
        };
        let name = plain.into_iter().chain([marked]).find(is_free);
        let name = name.ok_or_else(|| {
            Error::misuse(
                "another domain was restored by the same name; restore this one by backup_restore_file, with its read key",
            )
        })?;
        self.taken.push(folded(&name));
        Ok(name)
    }

    fn database(&self, given: &mut Given<'_>, guard: &Guard<'_>, path: &Path) -> Result<Restored> {
        let resumable = self.options.resume.then(|| given.take_resumable()).transpose()?;
        let new = NewDatabase::create(guard, path, self.options.replace)?;
        let scratch = new.open()?;
        let Built { report, checks } = self.build(given, &scratch, Some(new.file.handle()))?;
        drop(scratch);
        let local = new.publish()?;
        if let Some(resumable) = resumable {
            resumable.resume(&local).map_err(|error| error.at(format!("'{}'", path.display())))?;
        }
        Ok(Restored {
            path: path.display().to_string(),
            state_id: checks.is_whole().then(|| report.public.state_id.to_string()),
            content: Content::Database {
                rows: report.tables.iter().map(|(_, rows)| rows).sum(),
                checks: Box::new(checks),
            },
        })
    }

    fn files(&self, given: &Given<'_>, guard: &Guard<'_>, path: &Path) -> Result<Restored> {
        let replace = self.options.replace;
        let mut folder = Folder::create(path, replace)?;
        let scratch = Connection::open(*self.app.api(), "", OpenMode::Create)?;
        let Built { report, .. } = self.build(given, &scratch, None)?;
        let files = file_domain::write(&scratch, &mut folder, guard, replace, self.interrupt)?;
        folder.publish()?;
        Ok(Restored {
            path: path.display().to_string(),
            state_id: Some(report.public.state_id.to_string()),
            content: Content::Files { files },
        })
    }

    fn build(&self, given: &Given<'_>, scratch: &Connection<'_>, file: Option<&fs::File>) -> Result<Built> {
        let options = RebuildOptions {
            skip_indexes: self.options.skip_indexes,
            max_bytes: self.options.max_bytes,
            trusted: self.options.trusted,
            ..RebuildOptions::default()
        };
        let place = Place { app: self.app, scratch, bundles: &given.bundles, options, interrupt: self.interrupt, file };
        let built = scratch::build(&place, self.key)?;
        given.check_state(built.report.public.state_id)?;
        Ok(built)
    }
}
