//! File names from names that come from elsewhere. Whoever made such a name may have wanted to reach another place, or
//! to overwrite something.

/// The most bytes of a name. While the file is made, text is added before and after the name; all of it has less than
/// 255 bytes.
const NAME_MAX: usize = 180;
/// What a name may hold besides letters and digits.
const PUNCTUATION: &str = "._-+@=,() ";
/// If one of these follows the name of a database, the file belongs to SQLite or to the local state.
const OWNED: [&str; 4] = ["-wal", "-shm", "-journal", "-lifeboat"];

/// True for a name that means one file on each system, and that file is in the directory that it is put in. Such a name
/// has letters, digits, and a few other characters.
pub(crate) fn is_plain(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && name.chars().all(is_plain_char)
        && !name.starts_with(['.', '-', ' '])
        && !name.ends_with(['.', ' '])
        && !is_device(name)
}

/// A file name for any name. A plain name stays. In another name, the other characters become `%XX`, so
/// different names get different file names. None: it would be too long.
pub(crate) fn escaped(name: &str) -> Option<String> {
    let last = name.char_indices().next_back().map_or(0, |(at, _)| at);
    let owned = OWNED.iter().find_map(|suffix| {
        let at = name.len().checked_sub(suffix.len())?;
        name.get(at..).filter(|end| end.eq_ignore_ascii_case(suffix)).map(|_| at)
    });
    let mut escaped = String::new();
    for (at, char) in name.char_indices() {
        let stays = is_plain_char(char)
            && !(at == 0 && (matches!(char, '.' | '-' | ' ') || is_device(name)))
            && !(at == last && matches!(char, '.' | ' '))
            && owned != Some(at);
        if stays {
            escaped.push(char);
        } else {
            let mut bytes = [0; 4];
            char.encode_utf8(&mut bytes).bytes().for_each(|byte| escaped.push_str(&format!("%{byte:02X}")));
        }
    }
    (1..=NAME_MAX).contains(&escaped.len()).then_some(escaped)
}

/// A form that two names share if some file system takes them for one.
pub(crate) fn folded(name: &str) -> String {
    // Twice: the capital of ß is ẞ for one system, and SS for another.
    name.to_lowercase().to_uppercase().to_lowercase()
}

fn is_plain_char(char: char) -> bool {
    char.is_alphanumeric() || PUNCTUATION.contains(char)
}

/// What Windows takes a path for that is no file in a directory: a stream of a file, which is lost when the file is
/// copied to another file system, or a device.
pub(crate) fn no_file_of_windows(path: &str) -> Option<&'static str> {
    const DEVICE: &str = "the name of a device";
    if path.starts_with(r"\\.\") {
        return Some(DEVICE);
    }
    let path = path.strip_prefix(r"\\?\").unwrap_or(path);
    let path = match path.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() => &path[2..],
        _ => path,
    };
    let is_console = |name: &str| ["CONIN$", "CONOUT$"].iter().any(|console| name.eq_ignore_ascii_case(console));
    if path.contains(':') {
        Some("':', and so the name of a stream of a file")
    } else if path.split(['/', '\\']).any(|name| is_device(name) || is_console(name)) {
        Some(DEVICE)
    } else {
        None
    }
}

/// Whether Windows takes the name for a device. It does so even if a dot and more text follow.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_port = |prefix| {
        let number: Option<Vec<char>> = stem.strip_prefix(prefix).map(|number| number.chars().collect());
        number.is_some_and(|number| matches!(*number, [digit] if digit.is_numeric()))
    };
    matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL") || is_port("COM") || is_port("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay() {
        for name in ["default", "a", "wallet.db", "Größe", "photos (2)", "a-b_c+d@e=f,g", "console", "com10", "x-wal2"]
        {
            assert!(is_plain(name), "{name}");
            assert_eq!(escaped(name).as_deref(), Some(name));
        }
        assert_eq!(escaped(&"x".repeat(NAME_MAX)), Some("x".repeat(NAME_MAX)));
    }

    #[test]
    fn hostile_names_are_escaped() {
        for (name, expected) in [
            ("..", "%2E%2E"),
            (".", "%2E"),
            ("../x", "%2E.%2Fx"),
            ("a/b", "a%2Fb"),
            ("a\\b", "a%5Cb"),
            ("/etc", "%2Fetc"),
            (".hidden", "%2Ehidden"),
            ("-rf", "%2Drf"),
            ("a\0b", "a%00b"),
            ("a\nb\u{7f}", "a%0Ab%7F"),
            ("100%", "100%25"),
            ("a.", "a%2E"),
            (" a ", "%20a%20"),
            ("CON", "%43ON"),
            ("nul.txt", "%6Eul.txt"),
            ("Com1", "%43om1"),
            ("lpt¹.x", "%6Cpt¹.x"),
            ("aux .txt", "%61ux .txt"),
            ("CONIN$", "CONIN%24"),
            ("...", "%2E.%2E"),
            ("a. .", "a. %2E"),
            ("a:stream", "a%3Astream"),
            ("LONGNA~1", "LONGNA%7E1"),
            ("c:", "c%3A"),
            ("a*?\"<>|", "a%2A%3F%22%3C%3E%7C"),
            // A mark for text from right to left, and a letter in two parts.
            ("a\u{202e}b", "a%E2%80%AEb"),
            ("o\u{308}", "o%CC%88"),
        ] {
            assert!(!is_plain(name), "{name:?}");
            assert_eq!(escaped(name).as_deref(), Some(expected), "{name:?}");
        }
        // A file may have such a name, but a database must not lose the file beside it that belongs to it.
        for (name, expected) in
            [("x-wal", "x%2Dwal"), ("a-b-JOURNAL", "a-b%2DJOURNAL"), ("-shm", "%2Dshm"), ("w-lifeboat", "w%2Dlifeboat")]
        {
            assert_eq!(escaped(name).as_deref(), Some(expected));
        }
        assert!(!is_plain("") && !is_plain(&"x".repeat(NAME_MAX + 1)));
        assert_eq!((escaped(""), escaped(&"/".repeat(100))), (None, None));
    }

    #[test]
    fn streams_and_devices_of_windows() {
        let stream = [r"name.db:stream", r"C:\a\b.db:x", "a:b:c", "backup/2026-11-29T12:30", r"\\?\C:\a:b", "ä:"];
        for path in stream {
            assert!(no_file_of_windows(path).is_some_and(|why| why.contains("stream")), "{path}");
        }
        for path in
            ["NUL", "nul", r"C:\temp\nul.db", "a/COM1", "aux.bundle", "con ", "CONOUT$", r"\\.\C:", r"\\.\pipe\a"]
        {
            assert!(no_file_of_windows(path).is_some_and(|why| why.contains("device")), "{path}");
        }
        for path in
            ["a.db", r"C:\a\b.db", "c:a.db", r"\\server\share\a.db", r"\\?\C:\nulls\a.db", "../größe", "com10", ""]
        {
            assert_eq!(no_file_of_windows(path), None, "{path}");
        }
    }

    #[test]
    fn names_that_some_system_takes_for_one() {
        for (one, other) in [
            ("Wallet", "wALLET"),
            ("GRÖSSE", "größe"),
            ("GRÖẞE", "grösse"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            // The signs for Kelvin, Ångström and Ohm are other characters than the letters.
            ("\u{212a}\u{212b}\u{2126}", "kåω"),
        ] {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("a"), folded("b"));
    }
}
