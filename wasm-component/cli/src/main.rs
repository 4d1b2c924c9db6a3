//! `lifeboat-cli`: verify a bundle or a chain, look into it, recover the database. See [`arguments::HELP`].
//!
//! A plain WASI program that imports the recovery interface; the build plugs the recovery component itself into it
//! (`lifeboat-assemble`), so that both forms run the same code.

mod arguments;
mod chain;
mod fail;
mod publish;
mod report;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({ world: "command", path: "../../wit" });
}

use arguments::{Command, HELP};
use bindings::lifeboat::recovery::recovery::{Database, Inspection, Layout};
use fail::{Fail, IoContext};
use publish::Publish;
use std::io::Write;
use std::process::ExitCode;
use zeroize::Zeroizing;

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
        Command::Check { bundles, verify_key, expect } => {
            report::public(&bundles, &chain::check(&bundles, verify_key.as_deref(), expect.as_deref())?, arguments.json)
        }
        Command::Inspect { bundles, key_file, expect } => {
            let inspection = Inspection::open(&read_key(&key_file)?, expect.as_deref())?;
            chain::feed(&bundles, |piece| inspection.push_delta(piece), |piece| inspection.push(piece))?;
            report::summary(&chain::done(&bundles, inspection.finish())?, arguments.json)
        }
        Command::Recover { bundles, key_file, expect, out, replace, page_size } => {
            let publish = Publish::begin(&out, replace)?;
            let layout = page_size.map(|page_size| Layout { page_size });
            let database = Database::open(&read_key(&key_file)?, expect.as_deref(), layout)?;
            chain::feed(&bundles, |piece| database.push_delta(piece), |piece| database.push(piece))?;
            let recovered = chain::done(&bundles, database.finish())?;
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
