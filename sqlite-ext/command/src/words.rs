//! The words of a shell in place of those of SQL: the functions' errors name functions and options as SQL writes them.

/// What a function is called here.
const COMMANDS: [(&str, &str); 26] = [
    ("backup_keygen(secret, label)", "lifeboat keygen --secret-file PATH --label TEXT"),
    ("backup_unprotect()", "the end of that process"),
    ("backup_status(stores, key)", "lifeboat status STORE"),
    ("backup_keygen()", "lifeboat keygen"),
    ("backup_export_file", "lifeboat export"),
    ("backup_compose_file", "lifeboat compose"),
    ("backup_restore_file", "lifeboat restore"),
    ("backup_restore_all", "lifeboat restore-all"),
    ("backup_verify_key", "lifeboat verify-key"),
    ("backup_write_key", "lifeboat write-key"),
    ("backup_read_key", "lifeboat read-key"),
    ("backup_estimate", "lifeboat estimate"),
    ("backup_version", "lifeboat version"),
    ("backup_export", "lifeboat export"),
    ("backup_events", "lifeboat events"),
    ("backup_status", "lifeboat status"),
    ("backup_tables", "lifeboat tables"),
    ("backup_verify", "lifeboat verify"),
    ("backup_info", "lifeboat info"),
    ("backup_rows", "lifeboat rows"),
    ("backup_scrub", "lifeboat scrub"),
    ("backup_protect", "lifeboat protect"),
    ("backup_prune", "lifeboat prune"),
    ("backup_save", "lifeboat save"),
    ("backup_diff", "lifeboat diff"),
    ("backup_log", "lifeboat log"),
];

/// How a key is given.
const KEY: &str = "give --key-file PATH or --key-env NAME";

/// Whole phrases.
const PHRASES: [(&str, &str); 7] = [
    ("give the text that backup_keygen() made, or 'file:PATH', or 'env:NAME'", KEY),
    ("; look at the order of the arguments", ""),
    // The command restores into new files alone.
    (" (to restore into it, use backup_restore)", ""),
    ("call again", "run it again"),
    (
        "{\"keep\": {\"last\": 30, \"monthly\": 12}}, or which copy goes, {\"copy\": \"dir:…\"}",
        "--keep last=30 --keep monthly=12, or which copy goes, --copy dir:…",
    ),
    ("; open it again, and call backup_protect on that connection", "; run it again"),
    (
        "give a BLOB (the bundle itself), its path, a JSON array of the paths of a chain, or a store such as 'dir:PATH'",
        "give the path of a bundle, the paths of a chain, or a store such as 'dir:PATH'",
    ),
];

/// The text of a function's error for people at a shell.
pub fn for_shell(text: &str) -> String {
    let mut text = text.to_owned();
    for (sql, shell) in PHRASES {
        text = text.replace(sql, shell);
    }
    text = options(&text);
    for (function, command) in COMMANDS {
        text = replace_word(&text, function, command);
    }
    text
}

/// Writes ``the option `skip_indexes` `` and `the option "skip_indexes": true` as `--skip-indexes`.
fn options(text: &str) -> String {
    const BEFORE: &str = "the option";
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(BEFORE) {
        let behind = &rest[at + BEFORE.len()..];
        let several = behind.starts_with("s ");
        let behind = behind.strip_prefix("s ").or_else(|| behind.strip_prefix(' ')).unwrap_or("");
        let Some((name, mut behind)) = quoted(behind) else {
            shown.push_str(&rest[..at + BEFORE.len()]);
            rest = &rest[at + BEFORE.len()..];
            continue;
        };
        shown.push_str(&rest[..at]);
        push_option(&mut shown, name);
        while let Some((next, after)) = behind.strip_prefix(" and ").filter(|_| several).and_then(quoted) {
            shown.push_str(" and ");
            push_option(&mut shown, next);
            behind = after;
        }
        rest = behind.strip_prefix(": true").unwrap_or(behind);
        if let Some(after) = rest.strip_prefix(": false") {
            shown.push_str("=false");
            rest = after;
        }
    }
    shown + rest
}

/// The name of an option in quotes at the beginning, and what comes after it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '`' | '"'))?;
    let (name, behind) = text[1..].split_once(quote)?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name.then_some((name, behind))
}

fn push_option(text: &mut String, name: &str) {
    text.push_str("--");
    text.push_str(&name.replace('_', "-"));
}

/// Replaces a word that is not a part of a path or of a longer word.
fn replace_word(text: &str, word: &str, by: &str) -> String {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-./'\"\\".contains(letter);
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(word) {
        let (before, behind) = (&rest[..at], &rest[at + word.len()..]);
        let last = before.chars().next_back().or_else(|| shown.chars().next_back());
        // A full stop may end a sentence.
        let next = behind.strip_prefix('.').map_or_else(|| behind.chars().next(), |more| more.chars().next());
        shown.push_str(before);
        let whole = !last.is_some_and(is_part) && !next.is_some_and(is_part);
        shown.push_str(if whole { by } else { word });
        rest = behind;
    }
    shown + rest
}

/// The text with control characters written out: names in a bundle or a store come from others.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        // Marks that turn the direction of writing make one name look like another.
        let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if letter.is_control() || turns { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_functions_have_the_names_of_the_shell() {
        for (sql, shell) in [
            (
                "'a.db' already exists; give another path, or the option \"replace\": true",
                "'a.db' already exists; give another path, or --replace",
            ),
            ("the option `page_size` must be a power of two", "--page-size must be a power of two"),
            ("the options `salvage` and `expect` exclude one another", "--salvage and --expect exclude one another"),
            ("or give the option \"check\": false", "or give --check=false"),
            ("the option `files` needs the option `local`: a directory", "--files needs --local: a directory"),
            (
                "the bundle has no table \"x\"; backup_tables lists its tables",
                "the bundle has no table \"x\"; lifeboat tables lists its tables",
            ),
            ("read the rows alone (backup_rows)", "read the rows alone (lifeboat rows)"),
            (
                "the key is NULL; give the text that backup_keygen() made, or 'file:PATH', or 'env:NAME'",
                "the key is NULL; give --key-file PATH or --key-env NAME",
            ),
            (
                "restore this one by backup_restore_file, with its read key",
                "restore this one by lifeboat restore, with its read key",
            ),
            (
                "cannot open '/var/backup_save/a': no; 'backup_info'",
                "cannot open '/var/backup_save/a': no; 'backup_info'",
            ),
            ("the option is old, the options \"A B\" too", "the option is old, the options \"A B\" too"),
        ] {
            assert_eq!(for_shell(sql), shell);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(printable("a\u{7}\u{202e}ä\n"), "a\\u{7}\\u{202e}ä\\n");
    }
}
