//! `lifeboat-cli`: verify a bundle, look into it, recover the database. See [`arguments::HELP`].
//!
//! A plain WASI program that imports the recovery interface; the build plugs the recovery component itself into it
//! (`lifeboat-assemble`), so that both forms run the same code.

mod arguments;
mod fail;
mod publish;
mod report;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({ world: "command", path: "../../wit" });
}

use arguments::{Bundle, Command, HELP};
use bindings::lifeboat::recovery::recovery::{Audit, Database, Inspection, Layout};
use fail::{Fail, IoContext};
use publish::Publish;
use std::fs::File;
use std::io::{Read, Write};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// The longest piece that the interface takes.
const PIECE: usize = 1 << 20;

fn main() -> ExitCode {
    if !cfg!(target_arch = "wasm32") {
        eprintln!("lifeboat-cli is a WebAssembly component: wasmtime run --dir . dist/lifeboat-cli.wasm --help");
        return ExitCode::from(2);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fail) => {
            eprintln!("lifeboat-cli: {fail}");
            fail.kind.exit_code()
        }
    }
}

fn run() -> Result<(), Fail> {
    let arguments = arguments::parse(lexopt::Parser::from_env())?;
    let text = match arguments.command {
        Command::Help => HELP.to_owned(),
        Command::Check { bundle, verify_key, expect } => {
            let audit = Audit::open(verify_key.as_deref(), expect.as_deref())?;
            feed(&bundle, |piece| Ok(audit.push(piece)?))?;
            report::public(&audit.finish()?, arguments.json)
        }
        Command::Inspect { bundle, key_file, expect } => {
            let inspection = Inspection::open(&read_key(&key_file)?, expect.as_deref())?;
            feed(&bundle, |piece| Ok(inspection.push(piece)?))?;
            report::summary(&inspection.finish()?, arguments.json)
        }
        Command::Recover { bundle, key_file, expect, out, replace, page_size } => {
            let publish = Publish::begin(&out, replace)?;
            let layout = page_size.map(|page_size| Layout { page_size });
            let database = Database::open(&read_key(&key_file)?, expect.as_deref(), layout)?;
            feed(&bundle, |piece| Ok(database.push(piece)?))?;
            let recovered = database.finish()?;
            publish.finish(|file| {
                while let Some(piece) = database.pull()? {
                    file.write_all(&piece).context("cannot write", &out)?;
                }
                Ok(())
            })?;
            report::recovered(&recovered, arguments.json)
        }
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to", "the standard output")
}

fn read_key(path: &str) -> Result<Zeroizing<String>, Fail> {
    std::fs::read_to_string(path).map(Zeroizing::new).context("cannot read the key file", path)
}

/// Hands a bundle on in pieces.
fn feed(bundle: &Bundle, mut push: impl FnMut(&[u8]) -> Result<(), Fail>) -> Result<(), Fail> {
    let mut source: Box<dyn Read> = match bundle {
        Bundle::StandardInput => Box::new(std::io::stdin().lock()),
        Bundle::File(path) => Box::new(File::open(path).context("cannot open", path)?),
    };
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => push(&piece[..length])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot read", bundle),
        }
    }
}
