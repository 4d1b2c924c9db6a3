//! Names and strings inside SQL text. Every name is quoted, whatever it looks like.

/// `name` as an SQL identifier, for any name without NUL.
pub fn quote_name(name: &str) -> String {
    quote(name, '"')
}

/// `text` as an SQL string literal, for any text without NUL.
pub fn quote_text(text: &str) -> String {
    quote(text, '\'')
}

fn quote(text: &str, mark: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(mark);
    for character in text.chars() {
        if character == mark {
            quoted.push(mark);
        }
        quoted.push(character);
    }
    quoted.push(mark);
    quoted
}
