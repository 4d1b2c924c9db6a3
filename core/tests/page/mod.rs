//! What stands in FORMAT.md, for the tests that hold it against the code.
#![allow(dead_code, reason = "not each test program needs all of it")]

pub const FORMAT: &str = include_str!("../../FORMAT.md");

/// The hexadecimal bytes of the block of this name, without the comments behind them.
pub fn block(name: &str) -> Vec<u8> {
    let text = FORMAT.split(&format!("```{name}\n")).nth(1).expect("the block is there").split("```").next().unwrap();
    let is_comment = |word: &&str| !word.chars().all(|digit| digit.is_ascii_hexdigit()) || word.len() % 2 == 1;
    let words = text.lines().flat_map(|line| line.split_whitespace().take_while(|word| !is_comment(word)));
    hex::decode(words.collect::<String>()).expect("hexadecimal")
}

/// The value that stands behind a name in the worked examples.
pub fn named(name: &str) -> &'static str {
    let worked = FORMAT.split("## Worked keys").nth(1).unwrap();
    let value = |line: &'static str| {
        let value = line.strip_prefix("    ")?.strip_prefix(name)?.strip_prefix(' ')?.trim_start();
        let value = value.split([' ', ',']).next()?;
        (value.len() >= 32).then_some(value)
    };
    worked.lines().find_map(value).unwrap_or_else(|| panic!("the page has no value {name:?}"))
}

/// Whether the item is what the page's CDDL says of this rule.
pub fn matches(rule: &str, item: &[u8]) -> Result<(), String> {
    let cddl = FORMAT.split("```cddl\n").nth(1).unwrap().split("```").next().unwrap();
    cddl::validate_cbor_from_slice(&format!("start = {rule}\n{cddl}"), item, None).map_err(|error| error.to_string())
}
