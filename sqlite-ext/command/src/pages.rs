//! What a package of this command brings along: completions and pages for man.

use crate::arguments::Arguments;
use crate::fail::Fail;
use crate::output::{end, open};
use clap::CommandFactory;
use clap_complete::Shell;

/// # Errors
/// Host when the standard output cannot be written.
pub fn completions(shell: Shell) -> Result<(), Fail> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "lifeboat", &mut text);
    let mut out = open();
    let written = crate::output::goes_on(std::io::Write::write_all(&mut out, &text)).map(drop);
    end(written, out)
}

/// Writes a page for each command.
///
/// # Errors
/// Host when the directory cannot be written.
pub fn man(directory: &str) -> Result<(), Fail> {
    let written = clap_mangen::generate_to(Arguments::command(), directory);
    written.map_err(|error| Fail::host(format!("cannot write into the directory '{directory}': {error}")))
}
