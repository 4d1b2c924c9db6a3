//! The box: method, length, content; padding; the zstd frame.

use super::Area;
use crate::support::cbor::{Cbor, NULL, blob, head, list};
use crate::support::keys::{padme, recovery};
use crate::support::spec::{BundleSpec, pad, padded, plaintext, zstd};
use crate::support::state::{Change, Item, item, with_rows};
use crate::support::vector::Vector;
use zstd_safe::{CCtx, CParameter};

/// A state that compresses well.
fn items() -> Vec<Item> {
    with_rows((2..40).map(|rowid| item("t", rowid, list!["the same text in every row", rowid])).collect())
}

/// The plaintext of its chunk.
fn plain() -> Vec<u8> {
    plaintext(&items().iter().map(Change::write).collect::<Vec<_>>())
}

/// Its bundle with this padded box.
fn with(padded: Vec<u8>) -> BundleSpec {
    BundleSpec::full(&items()).with_parts(move |parts| parts[0].padded = Some(padded.clone()))
}

/// With this box, padded.
fn boxed(fields: Cbor) -> BundleSpec {
    with(pad(fields.encode()))
}

/// A box that holds this frame.
fn framed(frame: &[u8]) -> BundleSpec {
    with(padded(1, plain().len() as u64, frame))
}

fn frame_with(parameters: &[CParameter], plain: &[u8]) -> Vec<u8> {
    let mut context = CCtx::create();
    parameters.iter().for_each(|parameter| {
        context.set_parameter(*parameter).expect("a parameter");
    });
    let mut frame = vec![0; zstd_safe::compress_bound(plain.len()) + 100];
    let length = context.compress2(frame.as_mut_slice(), plain).expect("there is room");
    frame.truncate(length);
    frame
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("box", "Seal");
    let (plain, length) = (plain(), plain().len() as u64);
    let frame = zstd(&plain);
    assert!(frame.len() < plain.len());
    area.sound("compressed", "one zstd frame", &framed(&frame));
    area.sound("stored", "stored, where a writer may compress", &with(padded(0, length, &plain)));
    for (at, name) in ["method", "length", "content"].into_iter().enumerate() {
        let fields = [0.into(), length.into(), blob(&plain)];
        for (fault, why, field) in fields[at].faults() {
            let mut fields = fields.clone();
            fields[at] = field;
            // A text string in its place has to be one.
            if (name, fault) != ("content", "array") {
                area.wrong(
                    &format!("{name}-{fault}"),
                    &format!("the {name} of a box {why}"),
                    "corrupt",
                    &boxed(fields.to_vec().into()),
                );
            }
        }
        let mut fields = fields.to_vec();
        fields.remove(at);
        area.wrong(&format!("{name}-missing"), &format!("a box has no {name}"), "corrupt", &boxed(fields.into()));
    }
    let fields = list![0, length, blob(&plain)];
    for (fault, why, fields) in fields.faults().into_iter().filter(|(fault, ..)| *fault != "short" && *fault != "bytes")
    {
        area.wrong(fault, &format!("a box {why}"), "corrupt", &boxed(fields));
    }
    area.wrong("null", "null stands where a box belongs", "corrupt", &boxed(NULL));
    for method in [2, 24, 256, u64::MAX] {
        area.wrong(
            &format!("method-{method}"),
            &format!("the method is {method}"),
            "unsupported",
            &with(padded(method, length, &plain)),
        );
    }
    for (name, fault, length) in [
        ("stored-length-less", "a stored content is one byte longer than stated", length - 1),
        ("stored-length-more", "a stored content is one byte shorter than stated", length + 1),
        ("stored-length-0", "the stated length of a stored content is 0", 0),
    ] {
        area.wrong(name, fault, "corrupt", &with(padded(0, length, &plain)));
    }
    area.wrong(
        "content-cut",
        "the box ends within its content",
        "corrupt",
        &with(pad({
            let mut bytes = list![0, length, blob(&plain)].encode();
            bytes.truncate(bytes.len() - 100);
            bytes
        })),
    );
    area.wrong(
        "content-of-2-64",
        "the content says a length of 2^64 - 1 bytes",
        "corrupt",
        &with(pad([&[0x83, 0][..], &Cbor::from(length).encode(), &head(2, u64::MAX), &plain].concat())),
    );
    for (name, length) in [("mib-and-a-byte", (1 << 20) + 1), ("2-64", u64::MAX)] {
        area.wrong(
            &format!("length-{name}"),
            "the stated length is above 1 MiB",
            "too big",
            &with(padded(1, length, &frame)),
        );
    }

    let with_padding = |fault: fn(&mut Vec<u8>)| {
        let mut bytes = list![0, length, blob(&plain)].encode();
        fault(&mut bytes);
        with(bytes)
    };
    let rule = padme(list![0, length, blob(&plain)].encode().len());
    assert!(rule > list![0, length, blob(&plain)].encode().len() + 1, "there is padding");
    area.wrong("padding-none", "a box is not padded", "corrupt", &with_padding(|_| {}));
    area.wrong(
        "padding-short",
        "the padding lacks a byte",
        "corrupt",
        &with_padding(|bytes| {
            *bytes = pad(bytes.clone());
            bytes.pop();
        }),
    );
    area.wrong(
        "padding-long",
        "the padding is a byte longer than the rule says",
        "corrupt",
        &with_padding(|bytes| {
            *bytes = pad(bytes.clone());
            bytes.push(0);
        }),
    );
    area.wrong(
        "padding-next",
        "the padding goes on to the next Padmé length",
        "corrupt",
        &with_padding(|bytes| {
            *bytes = pad(bytes.clone());
            bytes.push(0);
            *bytes = pad(bytes.clone());
        }),
    );
    area.wrong(
        "padding-not-zero",
        "the last byte of the padding is not zero",
        "corrupt",
        &with_padding(|bytes| {
            *bytes = pad(bytes.clone());
            *bytes.last_mut().expect("bytes") = 1;
        }),
    );
    area.wrong(
        "padding-first-not-zero",
        "the first byte of the padding is not zero",
        "corrupt",
        &with_padding(|bytes| {
            let at = bytes.len();
            *bytes = pad(bytes.clone());
            bytes[at] = 0x80;
        }),
    );

    area.sound(
        "zstd-19",
        "a frame of another level than a writer's",
        &framed(&frame_with(&[CParameter::CompressionLevel(19)], &plain)),
    );
    area.sound(
        "zstd-with-checksum",
        "a frame with a checksum",
        &framed(&frame_with(&[CParameter::ChecksumFlag(true)], &plain)),
    );
    area.sound(
        "zstd-without-size",
        "a frame that does not say its content's size",
        &framed(&frame_with(&[CParameter::ContentSizeFlag(false)], &plain)),
    );
    let checksum = frame_with(&[CParameter::ChecksumFlag(true)], &plain);
    let mut wrong = |name: &str, fault: &str, frame: &[u8]| {
        area.wrong(name, fault, "corrupt", &framed(frame));
    };
    wrong("zstd-checksum-wrong", "the checksum of a frame is wrong", &{
        let mut frame = checksum.clone();
        *frame.last_mut().expect("bytes") ^= 1;
        frame
    });
    wrong("zstd-cut", "a frame lacks its last byte", &frame[..frame.len() - 1]);
    wrong("zstd-byte-behind", "a byte follows the frame", &[&frame[..], &[0]].concat());
    wrong("zstd-two", "the content is two frames", &[zstd(&plain[..300]), zstd(&plain[300..])].concat());
    wrong("zstd-empty-frame-behind", "a frame of nothing follows the frame", &[&frame[..], &zstd(&[])].concat());
    let skippable = [&0x184d_2a50_u32.to_le_bytes()[..], &[4, 0, 0, 0], b"skip"].concat();
    wrong("zstd-skippable-before", "a skippable frame comes before the frame", &[&skippable[..], &frame].concat());
    wrong("zstd-skippable-behind", "a skippable frame follows the frame", &[&frame[..], &skippable].concat());
    wrong("zstd-skippable", "the content is a skippable frame", &skippable);
    wrong("zstd-nothing", "the content of a compressed box is empty", &[]);
    wrong("zstd-magic", "the content is no zstd frame", &[&[0x27][..], &frame[1..]].concat());
    wrong("zstd-reserved-bit", "the reserved bit of the frame's head is set", &{
        let mut frame = frame.clone();
        frame[4] |= 8;
        frame
    });
    wrong("zstd-reserved-block", "a block of the frame is of the reserved type", &{
        let mut frame = frame.clone();
        // A single segment with a size of two bytes: magic, descriptor, size, head of the block.
        assert_eq!(frame[4], 0x60);
        frame[7] |= 6;
        frame
    });
    wrong("zstd-shorter", "the frame gives a byte less than stated", &zstd(&plain[..plain.len() - 1]));
    wrong("zstd-longer", "the frame gives a byte more than stated", &zstd(&[&plain[..], &[0]].concat()));
    wrong("zstd-size-lies", "the frame says another size than its blocks give", &{
        let mut frame = frame.clone();
        frame[5] ^= 1;
        frame
    });
    wrong("zstd-dictionary", "the frame needs a dictionary", &{
        let mut context = CCtx::create();
        context.load_dictionary(&plain).expect("a dictionary");
        let mut frame = vec![0; plain.len() + 100];
        let length = context.compress2(frame.as_mut_slice(), &plain).expect("there is room");
        frame.truncate(length);
        frame
    });
    wrong("zstd-dictionary-id", "the frame names a dictionary", &{
        let mut frame = frame.clone();
        // The descriptor says that one byte of it follows.
        frame[4] |= 1;
        frame.insert(5, 77);
        frame
    });
    wrong("zstd-bomb", "the frame gives 64 MiB where the stated length is small", &zstd(&vec![0; 64 << 20]));
    let random: Vec<u8> = {
        let items = with_rows(vec![item("t", 2, list![blob(recovery())])]);
        plaintext(&items.iter().map(Change::write).collect::<Vec<_>>())
    };
    let packed = zstd(&random);
    assert!(packed.len() >= random.len(), "no shorter");
    let spec = BundleSpec::full(&with_rows(vec![item("t", 2, list![blob(recovery())])]));
    let bytes = padded(1, random.len() as u64, &packed);
    area.wrong(
        "zstd-not-shorter",
        "the frame is not shorter than what it gives",
        "corrupt",
        &spec.with_parts(move |parts| parts[0].padded = Some(bytes.clone())),
    );
    area.vectors
}
