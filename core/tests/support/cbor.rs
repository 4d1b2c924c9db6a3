//! CBOR of the vectors' own making: a tree, each part of which can be written as it should not be.

/// An item of CBOR.
#[derive(Clone, Debug, PartialEq)]
pub enum Cbor {
    Null,
    Int(i128),
    /// A double of 8 bytes, by its bits.
    Real(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Cbor>),
    /// Bytes that stand for themselves, whatever they are.
    Raw(Vec<u8>),
}

/// An array: `list![1, "a", NULL]`.
macro_rules! list {
    ($($item:expr),* $(,)?) => { $crate::support::cbor::Cbor::Array(vec![$($crate::support::cbor::Cbor::from($item)),*]) };
}
pub(crate) use list;

pub const NULL: Cbor = Cbor::Null;

/// Bytes written in hexadecimal digits, with spaces where they help.
pub fn hex(digits: &str) -> Vec<u8> {
    hex::decode(digits.split_whitespace().collect::<String>()).expect("hexadecimal digits")
}

/// An item that has these bytes.
pub fn raw(digits: &str) -> Cbor {
    Cbor::Raw(hex(digits))
}

/// A byte string.
pub fn blob(bytes: impl AsRef<[u8]>) -> Cbor {
    Cbor::Bytes(bytes.as_ref().to_vec())
}

pub fn real(real: f64) -> Cbor {
    Cbor::Real(real.to_bits())
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl From<$type> for Cbor {
            fn from(integer: $type) -> Self {
                Cbor::Int(integer.into())
            }
        }
    )*};
}

integers!(i32 i64 u64);

impl From<&str> for Cbor {
    fn from(text: &str) -> Self {
        Cbor::Text(text.to_owned())
    }
}

impl From<String> for Cbor {
    fn from(text: String) -> Self {
        Cbor::Text(text)
    }
}

impl From<Vec<Cbor>> for Cbor {
    fn from(items: Vec<Cbor>) -> Self {
        Cbor::Array(items)
    }
}

/// The shortest head of this major type and number.
pub fn head(major: u8, number: u64) -> Vec<u8> {
    match number {
        0..=23 => vec![major << 5 | number as u8],
        _ => {
            let size = [1, 2, 4, 8].into_iter().find(|size| *size == 8 || number >> (8 * size) == 0).expect("8 bytes");
            head_of(major, number, size)
        }
    }
}

/// A head whose number takes this many bytes: 1, 2, 4 or 8; 0 for a number in the head itself.
pub fn head_of(major: u8, number: u64, size: usize) -> Vec<u8> {
    match size {
        0 => vec![major << 5 | number as u8],
        _ => {
            let mut head = vec![major << 5 | (24 + size.trailing_zeros() as u8)];
            head.extend(&number.to_be_bytes()[8 - size..]);
            head
        }
    }
}

impl Cbor {
    /// Its bytes: canonical, but for what is raw.
    pub fn encode(&self) -> Vec<u8> {
        let number = self.number();
        match self {
            Cbor::Null => vec![0xf6],
            Cbor::Int(_) => {
                let (major, number) = number.expect("an integer has one");
                head(major, number)
            }
            Cbor::Real(bits) => [&[0xfb], &bits.to_be_bytes()[..]].concat(),
            Cbor::Raw(bytes) => bytes.clone(),
            _ => {
                let (major, number) = number.expect("it has a length");
                [head(major, number), self.content()].concat()
            }
        }
    }

    /// Its major type, and the number in its head.
    fn number(&self) -> Option<(u8, u64)> {
        let number = |major, length: usize| Some((major, length as u64));
        match self {
            Cbor::Int(integer) if *integer >= 0 => Some((0, (*integer).try_into().expect("64 bits"))),
            Cbor::Int(integer) => Some((1, (-1 - *integer).try_into().expect("64 bits"))),
            Cbor::Bytes(bytes) => number(2, bytes.len()),
            Cbor::Text(text) => number(3, text.len()),
            Cbor::Array(items) => number(4, items.len()),
            Cbor::Null | Cbor::Real(_) | Cbor::Raw(_) => None,
        }
    }

    /// What follows its head.
    fn content(&self) -> Vec<u8> {
        match self {
            Cbor::Bytes(bytes) => bytes.clone(),
            Cbor::Text(text) => text.clone().into_bytes(),
            Cbor::Array(items) => items.iter().fold(Vec::new(), |mut bytes, item| {
                bytes.extend(item.encode());
                bytes
            }),
            _ => Vec::new(),
        }
    }

    /// The items of an array.
    pub fn items(&mut self) -> &mut Vec<Cbor> {
        match self {
            Cbor::Array(items) => items,
            other => panic!("{other:?} is no array"),
        }
    }

    /// The same item with a head that is longer than it need be.
    pub fn long(&self) -> Option<Cbor> {
        let (major, number) = self.number()?;
        let size = match head(major, number).len() {
            1 => 1,
            2 => 2,
            3 => 4,
            5 => 8,
            _ => return None,
        };
        Some(Cbor::Raw([head_of(major, number, size), self.content()].concat()))
    }

    /// The same item without a length at its beginning, and with an end.
    pub fn indefinite(&self) -> Option<Cbor> {
        let (major, _) = self.number().filter(|(major, _)| *major >= 2)?;
        let content = if major == 4 || self.content().is_empty() { self.content() } else { self.encode() };
        Some(Cbor::Raw([&[major << 5 | 31][..], &content, &[0xff]].concat()))
    }

    /// The same item with a tag before it.
    pub fn tagged(&self) -> Cbor {
        Cbor::Raw([&[0xc6][..], &self.encode()].concat())
    }

    /// Everything that can stand in the place of this item, and is not what stands there by right: what it is called, and
    /// the item. `limits`: lengths, for a byte string, that are wrong.
    pub fn faults(&self) -> Vec<(&'static str, &'static str, Cbor)> {
        let mut faults = vec![("tagged", "has a tag before it", self.tagged())];
        let mut add = |name, fault, item| faults.push((name, fault, item));
        if let Some(item) = self.long() {
            add("long-head", "has a head that is longer than it need be", item);
        }
        if let Some(item) = self.indefinite() {
            add("indefinite", "is of indefinite length", item);
        }
        match self {
            Cbor::Int(_) => {
                add("text", "is a text string", "1".into());
                add("negative", "is below 0", Cbor::Int(-1));
                add("real", "is a double", real(1.0));
                add("null", "is null", NULL);
            }
            Cbor::Bytes(bytes) => {
                add("text", "is a text string", "A".repeat(bytes.len()).into());
                add("short", "lacks its last byte", blob(&bytes[..bytes.len() - 1]));
                add("over", "has one byte more", blob([&bytes[..], &[0]].concat()));
                add(
                    "array",
                    "is an array of integers",
                    bytes.iter().map(|byte| i64::from(*byte).into()).collect::<Vec<_>>().into(),
                );
            }
            Cbor::Text(text) => {
                add("bytes", "is a byte string", blob(text));
                add("null", "is null", NULL);
            }
            Cbor::Array(items) => {
                add("short", "lacks its last item", items[..items.len() - 1].to_vec().into());
                add("over", "has one item more", [items.as_slice(), &[NULL]].concat().into());
                add("bytes", "is a byte string", blob([0; 3]));
            }
            Cbor::Null | Cbor::Real(_) | Cbor::Raw(_) => {}
        }
        faults
    }
}
