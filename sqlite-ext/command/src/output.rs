//! The standard output. When its reader goes away (`| head`), that is no failure.

use crate::fail::Fail;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

/// The standard output, in pieces.
pub type Out = BufWriter<StdoutLock<'static>>;

pub fn open() -> Out {
    BufWriter::new(io::stdout().lock())
}

/// Whether somebody still reads.
///
/// # Errors
/// Host when it cannot be written.
pub fn goes_on(written: io::Result<()>) -> Result<bool, Fail> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Fail::host(format!("the standard output cannot be written: {error}"))),
    }
}

/// Writes what is left in the buffer. What came before an error is shown, too.
///
/// # Errors
/// The one that there was, or host.
pub fn end(shown: Result<(), Fail>, mut out: Out) -> Result<(), Fail> {
    let flushed = goes_on(out.flush());
    shown?;
    flushed.map(drop)
}

/// # Errors
/// Host when it cannot be written.
pub fn print(text: &str) -> Result<(), Fail> {
    let mut out = open();
    let written = goes_on(out.write_all(text.as_bytes())).map(drop);
    end(written, out)
}

/// # Errors
/// Host when it cannot be written.
pub fn print_line(text: &str) -> Result<(), Fail> {
    print(&format!("{text}\n"))
}
