//! Finds secret keys. It removes them from texts that are shown or logged: somebody may have put
//! a key in place of a path. It finds them in files, which are then never replaced.
//!
//! A verify key is public and stays.

/// The text in place of a key.
const CUT: &str = "[key]";
/// This many characters of a key in a row, or in groups, are removed. A key has 58, and some may be missing.
const LENGTH: usize = 40;
/// The most characters between two groups.
const BETWEEN: usize = 3;

/// The text without keys. It removes what comes after `lifeboat…1` (but not after `lifeboatverify1`), and 40
/// characters of a key in a row, with or without a prefix, or in groups.
pub fn redact(text: &str) -> String {
    let mut secrets = Vec::new();
    let words = words(text);
    for word in &words {
        secrets.extend(secret_in(&text[word.clone()]).map(|at| word.start + at..word.end));
    }
    secrets.extend(groups(text, &words));
    secrets.sort_by_key(|secret| secret.start);
    let (mut shown, mut from) = (String::with_capacity(text.len()), 0);
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        if secret.start >= from {
            shown.push_str(&text[from..secret.start]);
            shown.push_str(CUT);
        }
        from = from.max(secret.end);
    }
    shown.push_str(&text[from..]);
    shown
}

type Range = std::ops::Range<usize>;

/// Letters and digits of ASCII in a row.
fn words(text: &str) -> Vec<Range> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().chain([b' ']).enumerate() {
        match (byte.is_ascii_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The place in a word where a key begins, after its prefix.
fn secret_in(word: &str) -> Option<usize> {
    let lower = word.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find("lifeboat") {
        let kind = from + found + "lifeboat".len();
        // No kind of key has a longer name.
        let end = kind + lower[kind..].bytes().take(32).take_while(u8::is_ascii_lowercase).count();
        if lower[end..].starts_with('1') {
            return (&lower[kind..end] != "verify").then_some(end + 1);
        }
        from = kind;
    }
    // Counted on the way: a text may be very long.
    let (mut start, mut looks) = (0, Looks::default());
    for (at, byte) in lower.bytes().enumerate() {
        if is_of_key(byte) {
            looks.add(byte);
            if at + 1 - start >= LENGTH && looks.is_no_number() {
                return Some(start);
            }
        } else {
            (start, looks) = (at + 1, Looks::default());
        }
    }
    None
}

/// Words with little between them that together make a key, as people write it down. Many groups of
/// a key have letters and digits. Few words of a language have both.
fn groups(text: &str, words: &[Range]) -> Vec<Range> {
    let is_group = |word: &Range| {
        let word = &text[word.clone()];
        word.bytes().all(|byte| is_of_key(byte.to_ascii_lowercase())) && !is_hexadecimal(word)
    };
    let is_mixed = |word: &&Range| {
        let word = &text.as_bytes()[(*word).clone()];
        word.iter().any(u8::is_ascii_digit) && word.iter().any(u8::is_ascii_alphabetic)
    };
    let mut found = Vec::new();
    let mut first = 0;
    while first < words.len() {
        let mut last = first;
        while words.get(last).is_some_and(is_group)
            && words.get(last + 1).is_some_and(is_group)
            && text[words[last].end..words[last + 1].start].chars().count() <= BETWEEN
        {
            last += 1;
        }
        // Words of a sentence may come before it and after it; so may groups of the key that look like such words. Thus
        // half of the length is enough between the outermost groups that do not.
        let mut sequence = &words[first..=last];
        while let [before, rest @ ..] = sequence
            && !is_mixed(&before)
        {
            sequence = rest;
        }
        while let [rest @ .., behind] = sequence
            && !is_mixed(&behind)
        {
            sequence = rest;
        }
        let length = |of: &[Range]| of.iter().map(Range::len).sum::<usize>();
        let mixed = sequence.len() > 1
            && length(sequence) >= LENGTH / 2
            && 6 * sequence.iter().filter(is_mixed).count() >= sequence.len();
        let run = &words[first..=last];
        // Groups mostly have one length, and words do not.
        let mut of_length = [0; LENGTH];
        for word in run {
            if let Some(count) = of_length.get_mut(word.len()) {
                *count += 1;
            }
        }
        let even = of_length.iter().enumerate().any(|(length, count)| length * count >= LENGTH);
        let within = words[first].start..words[last].end;
        if length(run) >= LENGTH && (mixed || even) && Looks::of(&text[within.clone()]).is_no_number() {
            found.push(within);
        }
        first = last + 1;
    }
    found
}

/// A long number, such as a state id.
fn is_hexadecimal(word: &str) -> bool {
    word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A character of bech32.
fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_digit() && byte != b'1' || byte.is_ascii_lowercase() && !b"bio".contains(&byte)
}

/// What tells a key from a number and from a word: a key has digits and letters of all kinds.
#[derive(Default)]
struct Looks {
    digits: usize,
    /// Those that no hexadecimal number has.
    letters: usize,
}

impl Looks {
    fn of(text: &str) -> Self {
        let mut looks = Self::default();
        text.bytes().for_each(|byte| looks.add(byte.to_ascii_lowercase()));
        looks
    }

    fn add(&mut self, byte: u8) {
        self.digits += usize::from(byte.is_ascii_digit());
        self.letters += usize::from(matches!(byte, b'g'..=b'z'));
    }

    /// Neither a hexadecimal number, such as a state id, nor a word.
    fn is_no_number(&self) -> bool {
        self.letters > 3 && self.digits > 2
    }
}

/// Whether a secret key, or most of one, is in these bytes.
#[allow(dead_code)] // The command asks this; the extension asks which kind of key it is.
pub fn holds_key(bytes: &[u8]) -> bool {
    secret_key_in(bytes).is_some()
}

/// The name of the kind of secret key that is in these bytes, or most of it: as it is made, in groups with
/// anything between them, or in two bytes for each character.
pub fn secret_key_in(bytes: &[u8]) -> Option<&'static str> {
    SECRETS.iter().find(|(prefix, _)| holds_prefix(bytes, prefix)).map(|(_, name)| *name)
}

/// The beginnings of the secret keys, and their names. The command also uses this file, but knows the core only as a
/// component. So they are listed here again, and a test of `key_text.rs` compares them with the core's.
const SECRETS: [(&[u8], &str); 3] =
    [(b"lifeboatkey1", "recovery key"), (b"lifeboatwrite1", "write key"), (b"lifeboatread1", "read key")];

fn holds_prefix(bytes: &[u8], prefix: &[u8]) -> bool {
    let mut matched = 0;
    for byte in bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        let byte = byte.to_ascii_lowercase();
        // Only the first character of the prefix begins it again.
        matched = match prefix.get(matched) {
            Some(wanted) if *wanted == byte => matched + 1,
            _ => usize::from(byte == prefix[0]),
        };
        if matched == prefix.len() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEHIND: &str = "qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";

    #[test]
    fn no_form_of_a_key_is_shown() {
        let in_groups = |of: usize| {
            let text = format!("lifeboatkey1{BEHIND}");
            text.as_bytes().chunks(of).map(|group| str::from_utf8(group).unwrap()).collect::<Vec<_>>().join(" ")
        };
        for (text, shown) in [
            (format!("'lifeboatkey1{BEHIND}'"), "'lifeboatkey1[key]'".to_owned()),
            (
                "'LIFEBOATKEY1QQQXYZ.bundle', lifeboatkey1abc".to_owned(),
                "'LIFEBOATKEY1[key].bundle', lifeboatkey1[key]".to_owned(),
            ),
            (format!("no table x{BEHIND}"), "no table [key]".to_owned()),
            (format!("no table {}_", BEHIND.to_uppercase()), "no table [key]_".to_owned()),
            (format!("'lifebootkey1{BEHIND}': é"), "'lifebootkey1[key]': é".to_owned()),
            (format!("lifeboatshare1{BEHIND}0 lifeboatx1y"), "lifeboatshare1[key] lifeboatx1[key]".to_owned()),
            (format!("in '{}'", in_groups(4)), "in 'life boat key1 [key]'".to_owned()),
            (format!("in '{}'", in_groups(5)), "in 'lifeb oatke y1qyp [key]'".to_owned()),
            (format!("in '{}'", in_groups(4).replace(' ', "-")), "in 'life-boat-key1-[key]'".to_owned()),
            (format!("in '{}'", in_groups(7).replace(' ', "\n")), "in 'lifeboa\ntkey1qy\n[key]'".to_owned()),
            (format!("no {} {} {}", &BEHIND[..11], &BEHIND[11..30], &BEHIND[30..]), "no [key]".to_owned()),
            (format!("'{}'", &BEHIND[5..]), "'[key]'".to_owned()),
        ] {
            assert_eq!(redact(&text), shown);
        }
    }

    /// Some keys have few digits, or none in many groups.
    #[test]
    fn keys_of_all_looks_are_removed() {
        let mut random = 1_u64;
        let mut draw = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"[usize::try_from(random >> 59).unwrap()])
        };
        for _ in 0..20_000 {
            let behind: String = (0..58).map(|_| draw()).collect();
            for (prefix, of) in
                [("", 58), ("", 29), ("lifeboatkey1", 3), ("lifeboatkey1", 4), ("", 5), ("", 7), ("", 10)]
            {
                let text = format!("{prefix}{behind}");
                let groups = text.as_bytes().chunks(of).map(|group| str::from_utf8(group).unwrap());
                let text = format!("there are no {} here", groups.collect::<Vec<_>>().join(" "));
                let shown = redact(&text).replace(' ', "");
                assert!(!shown.contains(&behind[20..30]), "{text}: {shown}");
            }
        }
    }

    /// Some errors quote a value. The time grows with its length, and not faster: else this test would take minutes.
    #[test]
    fn long_texts_are_read_once() {
        for piece in ["a", "a ", "ab2 ", "q2 ", "0 ", "lifeboat", "lifeboat ", "\u{e9}"] {
            let text = piece.repeat((1 << 20) / piece.len());
            assert!(redact(&text).len() <= text.len(), "{piece}");
        }
    }

    #[test]
    fn what_is_public_is_shown() {
        let id = "ac".repeat(32);
        let in_groups = "acde 0000 ".repeat(8);
        for text in [
            "",
            "lifeboatkey1",
            "the next word was seen there, yet there were several",
            &format!("signed by lifeboatverify1{BEHIND}, not by LIFEBOATVERIFY1{}", BEHIND.to_uppercase()),
            &format!("the state {id} has the same rows as the state {}, and {in_groups}", "2345".repeat(16)),
            &format!("a word of {}", "letters".repeat(20)),
            "lifeboat 1 key",
            "the chunk at 4096 has the length 4096, yet the next that was seen there has 65536",
            "a sha256 that was sent: read the text at 4096, the length and the state at 2048, and the rest as utf8",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn keys_are_found_in_files() {
        let key = "lifeboatkey1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusq693l86";
        let in_groups = key.as_bytes().chunks(4).collect::<Vec<_>>().join(&b"\r\n"[..]);
        let wide: Vec<u8> = key.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for text in [
            key.as_bytes(),
            key.to_uppercase().as_bytes(),
            format!("# the key\nKEY=\"{key}\"\n").as_bytes(),
            &key.as_bytes()[..20],
            &in_groups,
            &wide,
            b"lllifeboatkey1q",
            b"KEY='lifeboatkey1q'",
            b"life boat write 1q",
            b"lifeboatread1",
            "life\u{a0}boat\u{2003}key1-qypq".as_bytes(),
        ] {
            assert!(holds_key(text), "{}", String::from_utf8_lossy(text));
        }
        for text in ["", "lifeboatkey", "lifeboatverify1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5", "lifeboat key 2"] {
            assert!(!holds_key(text.as_bytes()), "{text}");
        }
    }
}
