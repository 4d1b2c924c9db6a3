//! The items of a bundle, by what `core/FORMAT.md` says of their lengths, and damage in some of them.

/// Where the items of a bundle begin, the header first and the footer last.
pub fn items(bundle: &[u8]) -> Vec<usize> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let footer = bundle.len() - 9 - number(&bundle[bundle.len() - 8..]);
    let (mut items, mut at) = (vec![0], 75);
    while at < footer {
        items.push(at);
        at += match bundle[at + 2] {
            0x58 => 4 + number(&bundle[at + 3..at + 4]),
            0x59 => 5 + number(&bundle[at + 3..at + 5]),
            0x5a => 7 + number(&bundle[at + 3..at + 7]),
            other => panic!("{other:x}"),
        };
    }
    items.push(at);
    items
}

/// One bit of each of these items is flipped.
pub fn damaged(bundle: &[u8], which: &[usize]) -> Vec<u8> {
    let (starts, mut damaged) = (items(bundle), bundle.to_vec());
    for item in which {
        damaged[starts[item + 1] - 9] ^= 4;
    }
    damaged
}
