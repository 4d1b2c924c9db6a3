//! `lifeboat-cli`: verify a bundle or a chain, look into it, recover the database or its rows. See [`arguments::HELP`].
//!
//! This is a plain WASI program that imports the recovery interface. The build connects it to the recovery component
//! (`lifeboat-assemble`). So both forms run the same code.

mod arguments;
mod chain;
mod fail;
// Both files belong to the extension: rows and lists of what is missing are the same JSON everywhere.
#[path = "../../../sqlite-ext/src/sql/json_value.rs"]
mod json_value;
#[path = "../../../sqlite-ext/src/work/read/losses.rs"]
mod losses;
mod progress;
mod publish;
// This file belongs to the extension: the same keys are cut out of texts everywhere.
#[path = "../../../sqlite-ext/src/sql/redact.rs"]
mod redact;
mod report;
mod rows;
mod salvage;
mod target;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({ world: "command", path: "../../wit" });
}

use arguments::{Command, HELP};
use bindings::lifeboat::recovery::recovery::{Built, Database, Error, Inspection, Layout, Salvage};
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

/// Writes the report. If something is missing in what was salvaged, it returns a failure that says so.
fn run() -> Result<(), Fail> {
    let arguments = arguments::parse(lexopt::Parser::from_env())?;
    let (json, progress) = (arguments.json, Progress { shown: arguments.progress });
    let mut salvaged = None;
    let text = match arguments.command {
        Command::Help => HELP.to_owned(),
        Command::Check { bundles, verify_key, expect } => {
            let reports = chain::check(&bundles, verify_key.as_deref(), expect.as_deref(), progress)?;
            report::public(&bundles, &reports, json)
        }
        Command::Inspect { bundles, key_file, expect } => {
            let inspection = Inspection::open(&read_key(&key_file)?, expect.as_deref())?;
            chain::feed(&bundles, &inspection, progress)?;
            report::summary(&chain::done(&bundles, inspection.finish())?, json)
        }
        Command::Salvage { bundles, key_file } => {
            let work = Salvage::open(&read_key(&key_file)?)?;
            let found = salvaged.insert(chain::salvage(&bundles, &work, progress)?);
            salvage::summary(found, json)?
        }
        Command::Recover { bundles, key_file, expect, out, replace, page_size, skip_indexes, salvage } => {
            let publish = begin(&out, replace, Reads::new(&bundles, &key_file))?;
            let layout = Layout { page_size: page_size.unwrap_or(4096), skip_indexes };
            let key = read_key(&key_file)?;
            if salvage {
                let work = Salvage::open(&key)?;
                let found = salvaged.insert(chain::salvage(&bundles, &work, progress)?);
                progress.phase("building", None);
                let database = chain::done(&bundles, work.build(Some(layout)))?;
                write(publish, &out, &database.built, progress, || work.pull_file())?;
                salvage::recovered(found, &database, json)?
            } else {
                let database = Database::open(&key, expect.as_deref(), Some(layout))?;
                chain::feed(&bundles, &database, progress)?;
                progress.phase("building", None);
                let recovered = chain::done(&bundles, database.finish())?;
                write(publish, &out, &recovered.built, progress, || database.pull())?;
                report::recovered(&recovered, json)
            }
        }
        Command::Rows { bundles, key_file, expect, salvage } => {
            let out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
            let key = read_key(&key_file)?;
            if salvage {
                let work = Salvage::open(&key)?;
                let found = salvaged.insert(chain::salvage(&bundles, &work, progress)?);
                rows::write_salvaged(&bundles, &work, out)?;
                salvage::end_of_rows(found)?
            } else {
                let rows = RowWriter::open(&bundles, &key, expect.as_deref(), out)?;
                chain::feed(&bundles, &rows, progress)?;
                report::end_of_rows(&rows.finish()?)
            }
        }
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to", "the standard output")?;
    salvaged.as_ref().map_or(Ok(()), salvage::check_complete)
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
