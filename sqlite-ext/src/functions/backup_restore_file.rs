//! `backup_restore_file(bundle, key, path [, options])` rebuilds the state of a bundle or chain into a new database
//! file, and gives a JSON summary.
//!
//! It builds the database beside the path, and proves that it has the state id of the bundle. Then it syncs and renames
//! it. After any failure the path is as it was. An existing file is refused, unless the option `replace` is true. Even
//! then it is refused while a journal of it exists, or somebody has it locked: connections that keep an old file open
//! would not see the new one. Bundles, ledgers and keys are never replaced (`files/guard.rs`).
//!
//! Options: `replace` (default false); `expect`: the state id that the bundle must have, or the last one of the chain;
//! `page_size` (default 4096: a power of two from 512 to 65536); `auto_vacuum` (default `"none"`; `"full"`,
//! `"incremental"`); `domain`: the series of this domain in a store where the key has several; `resume` (default false):
//! the new database saves to the series from now on.
//!
//! Summary: `path`, and the fields of `backup_restore`. `plain` is true where the main database of this connection is
//! encrypted, and the new file is not.

use crate::files::{FoundCall, Guard, resolve};
use crate::functions::backup_restore::{Salvaged, Summary};
use crate::functions::backup_verify::{check_expected, read_state_id};
use crate::sql::arguments::Bundle;
use crate::sql::edge::{Call, Reply, length_limit};
use crate::sql::interrupt::AppInterrupt;
use crate::work::read::given::Given;
use crate::work::read::salvage::{open_salvage, refuse_expect};
use crate::work::rebuild::new_database::NewDatabase;
use crate::work::rebuild::scratch::{self, Place};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Cipher, RebuildOptions, check_may_export};
use lifeboat_store::read::ReadingKey;
use serde::Deserialize;
use std::path::Path;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    replace: bool,
    expect: Option<String>,
    page_size: Option<u32>,
    auto_vacuum: AutoVacuum,
    skip_indexes: bool,
    max_bytes: Option<u64>,
    trusted: bool,
    salvage: bool,
    domain: Option<String>,
    resume: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AutoVacuum {
    #[default]
    None = 0,
    Full = 1,
    Incremental = 2,
}

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let app = call.app();
    check_may_export(&app)?;
    let argument = call.arguments.chain(0, &app)?;
    let key = call.arguments.access_key(1)?;
    // All checks use one path: a link would hide the journal beside the file that it leads to.
    let path = resolve(&call.arguments.path(2)?)?;
    let options: Options = call.arguments.options(3)?;
    refuse_expect(options.salvage, options.expect.as_deref())?;
    let expect = options.expect.as_deref().map(read_state_id).transpose()?;
    let rebuild = options.rebuild()?;
    Given::refuse_salvage(&argument, options.salvage)?;
    let interrupt = AppInterrupt::of(&app)?;
    let mut given =
        Given::whole(argument, Some(&ReadingKey::Access(key.clone())), options.domain.as_deref(), &interrupt)?;
    let resumable = options.resume.then(|| given.take_resumable()).transpose()?;
    let bundles = &given.bundles;

    let guard = Guard(FoundCall {
        app: &app,
        key: &key,
        domain: None,
        key_files: call.arguments.key_files()?,
        reads: bundles.iter().filter_map(Bundle::path).map(Path::to_owned).collect(),
    });
    let plain = Cipher::of(&app, "main")?.is_some();
    let new = NewDatabase::create(&guard, &path, options.replace)?;
    let scratch = new.open()?;
    let place = Place {
        app: &app,
        scratch: &scratch,
        bundles,
        options: rebuild,
        interrupt: &interrupt,
        file: Some(new.file.handle()),
    };
    let reply = if options.salvage {
        let salvage = open_salvage(&key, bundles, &interrupt)?;
        let built = scratch::build_salvaged(&place, &key, &salvage)?;
        Reply::json(&Salvaged::of(built, &salvage, length_limit(&app), Some(&path), plain)?)?
    } else {
        let built = scratch::build(&place, &key)?;
        given.check_state(built.report.public.state_id)?;
        check_expected(expect, built.report.public.state_id)?;
        Reply::json(&Summary::of(built, Some(&path), plain, &given))?
    };
    drop(scratch);
    let local = new.publish()?;
    if let Some(resumable) = resumable {
        resumable.resume(&local)?;
    }
    Ok(reply)
}

impl Options {
    fn rebuild(&self) -> Result<RebuildOptions> {
        let default = RebuildOptions::default();
        let page_size = self.page_size.unwrap_or(default.page_size);
        if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
            return Err(Error::misuse("the option `page_size` must be a power of two from 512 to 65536"));
        }
        Ok(RebuildOptions {
            page_size,
            auto_vacuum: self.auto_vacuum as u8,
            skip_indexes: self.skip_indexes,
            max_bytes: self.max_bytes,
            trusted: self.trusted,
            ..default
        })
    }
}
