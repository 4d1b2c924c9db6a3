//! The QR code of a key, for the recovery sheet of the page: a module of WebAssembly that imports nothing. It is no part of
//! the recovery component, whose hosts recover and print nothing.
//!
//! All that goes in and out are numbers, so nobody has to agree on places in its memory. One instance draws one code:
//! [`take`] each character, [`draw`], and ask whether each square [`is_dark`]. Then the page drops the instance, and the
//! key with it.

use qrcode::{Color, EcLevel, QrCode};
use std::sync::Mutex;

/// What the characters make.
struct Drawing {
    text: String,
    code: Option<QrCode>,
}

static DRAWING: Mutex<Drawing> = Mutex::new(Drawing { text: String::new(), code: None });

/// Adds a character to the text, by its Unicode number. What is no character is left out.
// SAFETY: no other function of the module has this name.
#[unsafe(no_mangle)]
pub extern "C" fn take(character: u32) {
    if let (Ok(mut drawing), Some(character)) = (DRAWING.lock(), char::from_u32(character)) {
        drawing.text.push(character);
    }
}

/// Draws the text as a code that can be read even if a quarter of it is damaged. Returns the number of squares on a side,
/// without the rim, or 0 if the text is too long for a QR code.
// SAFETY: no other function of the module has this name.
#[unsafe(no_mangle)]
pub extern "C" fn draw() -> u32 {
    let Ok(mut drawing) = DRAWING.lock() else { return 0 };
    drawing.code = QrCode::with_error_correction_level(&drawing.text, EcLevel::Q).ok();
    drawing.code.as_ref().and_then(|code| u32::try_from(code.width()).ok()).unwrap_or(0)
}

/// Returns 1 if the square in this column and row is dark, and 0 if it is light or outside of the code.
// SAFETY: no other function of the module has this name.
#[unsafe(no_mangle)]
pub extern "C" fn is_dark(column: u32, row: u32) -> u32 {
    let Ok(drawing) = DRAWING.lock() else { return 0 };
    let Some(code) = &drawing.code else { return 0 };
    let (column, row) = (column as usize, row as usize);
    u32::from(column.max(row) < code.width() && code[(column, row)] == Color::Dark)
}
