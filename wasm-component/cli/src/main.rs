//! `lifeboat-cli`: verify a bundle or a chain, look into it, recover the database or its rows. See [`arguments::HELP`].
//!
//! This is a plain WASI program that imports the recovery interface. The build connects it to the recovery component
//! (`lifeboat-assemble`). So both forms run the same code.

mod arguments;
mod chain;
mod copies;
mod fail;
// Both files belong to the extension: rows and lists of what is missing are the same JSON everywhere.
#[path = "../../../sqlite-ext/src/sql/json_value.rs"]
mod json_value;
#[path = "../../../sqlite-ext/src/work/read/losses.rs"]
mod losses;
mod progress;
mod publish;
// This file belongs to the extension: the same keys are cut out of texts everywhere.
#[path = "../../../core/store/src/redact.rs"]
mod redact;
mod report;
mod rows;
mod salvage;
mod target;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({ world: "command", path: "../../wit" });
}

use arguments::{Arguments, Bundle, Choice, Command, HELP};
use bindings::lifeboat::recovery::recovery::{Built, Database, Error, Inspection, Layout, Salvage};
use copies::Found;
use fail::{Fail, IoContext};
use progress::Progress;
use publish::{FREE_SPACE, Publish};
use rows::RowWriter;
use std::io::{BufWriter, Read, Write};
use std::process::ExitCode;
use target::Reads;
use zeroize::Zeroizing;

fn main() -> ExitCode {
    if !cfg!(target_arch = "wasm32") {
        eprintln!("lifeboat-cli is a WebAssembly component: wasmtime run --dir . dist/lifeboat-cli.wasm --help");
        return ExitCode::from(2);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fail) => {
            say(&fail.to_string());
            fail.kind.exit_code()
        }
    }
}

/// Writes the report. If something is missing in what was written, it returns a failure that says so.
fn run() -> Result<(), Fail> {
    let Arguments { command, choice, json, progress } = arguments::parse(lexopt::Parser::from_env())?;
    let progress = Progress { shown: progress };
    let (mut salvaged, mut found) = (None, None);
    let text = match command {
        Command::Help => HELP.to_owned(),
        Command::Check { bundles, verify_key, expect } => {
            let source = Source::of(bundles, verify_key.as_deref(), &choice, expect, progress)?;
            let reports = chain::check(&source.bundles, verify_key.as_deref(), source.expect(), progress)?;
            let text = report::public(&source.bundles, &reports, json);
            source.told(text, json, &mut found)?
        }
        Command::Inspect { bundles, key_file, expect } => {
            let key = read_key(&key_file)?;
            let source = Source::of(bundles, Some(&key), &choice, expect, progress)?;
            let inspection = Inspection::open(&key, source.expect())?;
            chain::feed(&source.bundles, &inspection, progress)?;
            let text = report::summary(&chain::done(&source.bundles, inspection.finish())?, json);
            source.told(text, json, &mut found)?
        }
        Command::Salvage { bundles, key_file } => {
            refuse_copies(&bundles, &choice)?;
            let work = Salvage::open(&read_key(&key_file)?)?;
            let found = salvaged.insert(chain::salvage(&bundles, &work, progress)?);
            salvage::summary(found, json)?
        }
        Command::Recover { bundles, key_file, expect, out, replace, page_size, skip_indexes, salvage } => {
            let publish = begin(&out, replace, Reads::new(&bundles, &key_file))?;
            let layout = Layout { page_size: page_size.unwrap_or(4096), skip_indexes };
            let key = read_key(&key_file)?;
            if salvage {
                refuse_copies(&bundles, &choice)?;
                let work = Salvage::open(&key)?;
                let found = salvaged.insert(chain::salvage(&bundles, &work, progress)?);
                progress.phase("building", None);
                let database = chain::done(&bundles, work.build(Some(layout)))?;
                write(publish, &out, &database.built, progress, || work.pull_file())?;
                salvage::recovered(found, &database, json)?
            } else {
                let source = Source::of(bundles, Some(&key), &choice, expect, progress)?;
                let database = Database::open(&key, source.expect(), Some(layout))?;
                chain::feed(&source.bundles, &database, progress)?;
                progress.phase("building", None);
                let recovered = chain::done(&source.bundles, database.finish())?;
                write(publish, &out, &recovered.built, progress, || database.pull())?;
                source.told(report::recovered(&recovered, json), json, &mut found)?
            }
        }
        Command::Rows { bundles, key_file, expect, salvage } => {
            let out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
            let key = read_key(&key_file)?;
            if salvage {
                refuse_copies(&bundles, &choice)?;
                let work = Salvage::open(&key)?;
                let found = salvaged.insert(chain::salvage(&bundles, &work, progress)?);
                rows::write_salvaged(&bundles, &work, out)?;
                salvage::end_of_rows(found)?
            } else {
                let source = Source::of(bundles, Some(&key), &choice, expect, progress)?;
                let rows = RowWriter::open(&source.bundles, &key, source.expect(), out)?;
                chain::feed(&source.bundles, &rows, progress)?;
                let text = report::end_of_rows(&rows.finish()?);
                source.told(text, true, &mut found)?
            }
        }
        Command::Log { directories, key_file, verify_key } => {
            if !copies::are_meant(&directories, &Choice::default())? {
                return Err(Fail::misuse("log lists the saves in copies: give directories of copies"));
            }
            let key =
                key_file.map_or_else(|| Ok(Zeroizing::new(verify_key.unwrap_or_default())), |file| read_key(&file))?;
            let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
            let context = |written: std::io::Result<()>| written.context("cannot write to", "the standard output");
            copies::log(&directories, &key, &choice, json, |line| context(out.write_all(line.as_bytes())))?;
            context(out.flush())?;
            String::new()
        }
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to", "the standard output")?;
    salvaged.as_ref().map_or(Ok(()), salvage::check_complete)?;
    found.as_ref().map_or(Ok(()), Found::check_newest)
}

/// The bundles that are read, and the copies in which they were found, if they were given.
struct Source {
    bundles: Vec<Bundle>,
    found: Option<Found>,
    expect: Option<String>,
}

impl Source {
    /// If copies are meant, looks in them for the bundles.
    fn of(
        bundles: Vec<Bundle>,
        key: Option<&str>,
        choice: &Choice,
        expect: Option<String>,
        progress: Progress,
    ) -> Result<Self, Fail> {
        if !copies::are_meant(&bundles, choice)? {
            return Ok(Self { bundles, found: None, expect });
        }
        let key = key.ok_or_else(|| {
            Fail::misuse("give --key-file or --verify-key with a copy: without a key nobody knows whose saves they are")
        })?;
        let found = copies::find(&bundles, key, choice, progress)?;
        let expect = expect.or_else(|| Some(found.state_id().to_owned()));
        Ok(Self { bundles: found.bundles(), found: Some(found), expect })
    }

    fn expect(&self) -> Option<&str> {
        self.expect.as_deref()
    }

    /// The report, with what is to be said of the copies.
    fn told(self, text: String, is_json: bool, found: &mut Option<Found>) -> Result<String, Fail> {
        let Some(copies) = self.found else { return Ok(text) };
        let told = if is_json { report::with(&text, "series", copies.json())? } else { copies.text() + &text };
        *found = Some(copies);
        Ok(told)
    }
}

fn refuse_copies(bundles: &[Bundle], choice: &Choice) -> Result<(), Fail> {
    if copies::are_meant(bundles, choice)? {
        return Err(Fail::misuse(
            "--salvage takes bundles: give the files of the copy, `<domain id>/bundles/...`, oldest first",
        ));
    }
    Ok(())
}

/// Prepares the file that will be written, and reports files that earlier runs left beside it.
fn begin(out: &str, replace: bool, reads: Reads) -> Result<Publish, Fail> {
    let publish = Publish::begin(out, replace, reads)?;
    for left in publish.clean_up() {
        let left = left.display();
        say(&format!(
            "note: '{left}' holds a database, or a part of one, of a run that was killed or is still at work; if none is, \
             delete it"
        ));
    }
    Ok(publish)
}

/// Writes the database that was built. `pull` gives its pieces.
fn write(
    publish: Publish,
    out: &str,
    built: &Built,
    progress: Progress,
    pull: impl Fn() -> Result<Option<Vec<u8>>, Error>,
) -> Result<(), Fail> {
    publish.finish(|file| {
        let mut phase = progress.phase("writing", Some(built.size));
        while let Some(piece) = pull()? {
            let written = file.write_all(&piece).context("cannot write", out);
            written.map_err(|fail| fail.or(FREE_SPACE))?;
            phase.add(piece.len());
        }
        Ok(())
    })?;
    say(&format!(
        "note: a WASI program sets no modes: who else may read '{out}' is for your umask to say (umask 077 before the run, or \
         chmod 600 now)"
    ));
    Ok(())
}

/// Writes one line to the standard error, without keys: somebody may have put a key where a path belongs.
fn say(text: &str) {
    eprintln!("lifeboat-cli: {}", redact::redact(text));
}

fn read_key(path: &str) -> Result<Zeroizing<String>, Fail> {
    if path == "-" {
        let mut key = Zeroizing::new(String::new());
        std::io::stdin().read_to_string(&mut key).context("cannot read the key from", "the standard input")?;
        return Ok(key);
    }
    std::fs::read_to_string(path).map(Zeroizing::new).context("cannot read the key file", path)
}
