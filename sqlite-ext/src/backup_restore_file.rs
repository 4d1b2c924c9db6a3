//! `backup_restore_file(bundle, key, path [, options])` rebuilds the state of a bundle or chain into a new database file, and gives
//! a JSON summary.
//!
//! It is built beside the path and proved to have the state id of the bundle; then it is synced and renamed. Any failure
//! leaves the path as it was. A file that is there is refused, unless the option `replace` is true; and even then while a
//! journal of it is there, or somebody has it locked: connections that keep an old file open would not see the new one. Of the bundles that are given none is
//! replaced.
//!
//! Options: `replace` (default false); `expect`: the state id that the bundle, or the last of the chain, must have; `page_size` (default 4096: a power
//! of two from 512 to 65536); `auto_vacuum` (default `"none"`; `"full"`, `"incremental"`).
//!
//! Summary: `path`, and the fields of `backup_restore`.

use crate::arguments::Bundle;
use crate::atomic_file::{Access, AtomicFile, Existing, resolve};
use crate::backup_restore::Summary;
use crate::backup_verify::{check_expected, read_state_id};
use crate::edge::{Call, Reply};
use crate::interrupt::Interrupt;
use crate::scratch;
use crate::target::{is_one_file, refuse_database_in_use, refuse_open_database};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Connection, OpenMode, RebuildOptions, check_may_export};
use serde::Deserialize;
use std::fs;
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
    let bundles = call.arguments.chain(0, &app)?;
    let key = call.arguments.recovery_key(1)?;
    // One path for every check: a link would hide the journal beside the file that it leads to.
    let path = resolve(&call.arguments.path(2)?)?;
    let options: Options = call.arguments.options(3)?;
    let expect = options.expect.as_deref().map(read_state_id).transpose()?;
    let rebuild = options.rebuild()?;

    refuse_open_database(&app, &path)?;
    refuse_own_bundle(&bundles, &path)?;
    let existing = match (fs::symlink_metadata(&path).is_ok(), options.replace) {
        (true, false) => {
            return Err(Error::misuse(format!(
                "'{}' is there and is not overwritten; give another path, or the option \"replace\": true",
                path.display()
            )));
        }
        (_, true) => Existing::Replace,
        (false, false) => Existing::Refuse,
    };
    refuse_database_in_use(&app, &path)?;

    let file = AtomicFile::create(&path, Access::Owner)?;
    let name = std::path::absolute(file.temporary()).map_err(|error| Error::host(format!("the path: {error}")))?;
    let name = name.to_str().ok_or_else(|| Error::misuse("the path of the target is not well-formed UTF-8"))?;
    let interrupt = Interrupt::of(&app)?;
    let scratch = Connection::open(*app.api(), name, OpenMode::ReadWrite)?;
    let built = scratch::build(&app, &scratch, &bundles, &key, rebuild, &interrupt, Some(file.handle()))?;
    check_expected(expect, built.report.public.state_id)?;
    drop(scratch);
    // Building takes time; somebody may have opened the target meanwhile.
    refuse_database_in_use(&app, &path)?;
    file.publish(existing)?;
    Reply::json(&Summary::of(built, Some(&path)))
}

/// The database does not take the place of a bundle that it is made from, whatever the options say.
fn refuse_own_bundle(bundles: &[Bundle<'_>], path: &Path) -> Result<()> {
    let is_target = |bundle: &Bundle<'_>| matches!(bundle, Bundle::File(bundle) if is_one_file(bundle, path));
    match path.exists() && bundles.iter().any(is_target) {
        true => Err(Error::misuse(format!(
            "'{}' is the target and a bundle that is restored, too, which would be lost; give another path",
            path.display()
        ))),
        false => Ok(()),
    }
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
