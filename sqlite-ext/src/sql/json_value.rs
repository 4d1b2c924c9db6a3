//! Stored values as JSON, exactly. The recovery command has this file, too (`wasm-component/cli`), so that both write the same.

use std::io::{self, Write};

/// Bytes and UTF-16 are converted in pieces: so many bytes, so many characters.
const PIECE: usize = 4096;

/// A REAL, which has a point or an exponent, so that nobody takes it for an integer.
///
/// # Errors
/// Those of `out`, as for all functions here.
pub(crate) fn write_real(out: &mut impl Write, real: f64) -> io::Result<()> {
    if real.is_infinite() {
        // What SQLite's own JSON functions write and read for infinity.
        out.write_all(if real > 0.0 { b"9e999" } else { b"-9e999" })
    } else {
        // The debug form always has a point or an exponent, and is the shortest that reads back the same.
        write!(out, "{real:?}")
    }
}

/// Bytes in hexadecimal digits, with what they are: `blob` or `text`.
pub(crate) fn write_bytes(out: &mut impl Write, kind: &str, bytes: &[u8]) -> io::Result<()> {
    write!(out, "{{\"{kind}\":\"")?;
    write_hex(out, bytes)?;
    out.write_all(b"\"}")
}

/// The digits alone.
pub(crate) fn write_hex(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 2 * PIECE];
    for part in bytes.chunks(PIECE) {
        for (pair, byte) in hex.chunks_exact_mut(2).zip(part) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        out.write_all(&hex[..2 * part.len()])?;
    }
    Ok(())
}

/// A text in UTF-8: as a string, or as its bytes if it is ill-formed or holds a NUL.
pub(crate) fn write_utf8(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    match std::str::from_utf8(text).ok().filter(|text| !text.contains('\0')) {
        Some(text) => Ok(serde_json::to_writer(out, text)?),
        None => write_bytes(out, "text", text),
    }
}

/// A text in UTF-16, likewise; `unit` reads a unit in its order of bytes.
pub(crate) fn write_utf16(out: &mut impl Write, text: &[u8], unit: fn([u8; 2]) -> u16) -> io::Result<()> {
    let (units, rest) = text.as_chunks::<2>();
    let mut characters = char::decode_utf16(units.iter().map(|pair| unit(*pair)));
    if !rest.is_empty() || characters.clone().any(|character| character.map_or(true, |character| character == '\0')) {
        return write_bytes(out, "text", text);
    }
    out.write_all(b"\"")?;
    loop {
        let piece: String = characters.by_ref().take(PIECE).flatten().collect();
        if piece.is_empty() {
            return out.write_all(b"\"");
        }
        let quoted = serde_json::to_string(&piece)?;
        out.write_all(&quoted.as_bytes()[1..quoted.len() - 1])?;
    }
}
