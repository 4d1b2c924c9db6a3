"""The section Log of core/FORMAT.md, beside second_decoder.py: written from that page alone.

    second_log.py FILE [KEY-TEXT]

Prints what a record or a floor statement says, as one line of JSON: with a recovery key, a write key or a read key the details of
a record, too; with a verify key, whether that one signed it."""

import json
import re
import sys
from pathlib import Path

from second_keys import AESSIV, InvalidTag, Keys, bech32m, expand, read_key, sha256, verify
from second_values import Refused, Sequence, encode, is_array, need

LIMITS = {b"lifeboat record": 4096, b"lifeboat floor": 1024}
LABELS = {b"lifeboat record": b"lifeboat record signature\0", b"lifeboat floor": b"lifeboat floor signature\0"}
NUMBER_MAX, BUNDLE_MAX = 9_999_999_999_999_999, 1 << 41
DATES, VERSIONS = range(-62_167_219_200_000, 253_402_300_800_000), range(1 << 32)


def read(data, key_text=None, magic=b"lifeboat record"):
    """What it says, as what JSON can show."""
    expected = None
    if key_text and key_text.startswith("lifeboatverify"):
        expected, key_text = bech32m(key_text)[1], None
    verify_key = check_envelope(data, magic, expected)
    sequence = Sequence(data)
    fields = sequence.item()
    need(not sequence.more() and isinstance(fields, list), "a statement that is none")
    if magic == b"lifeboat floor":
        says = read_floor(fields, data)
        keys = key_text and Keys(read_key(key_text), fields[2])
        need(not keys or keys.verify_key == verify_key, "signed by somebody else", "mismatch")
        return says
    says = read_record(fields, data)
    if key_text:
        keys = Keys(read_key(key_text), fields[2])
        need(keys.verify_key == verify_key, "a record that the key of its domain did not sign", "wrong key")
        says["details"] = open_details(keys, fields[7], data)
    return says


def check_envelope(data, magic, expected):
    """Length, beginning, end, signature, signer, revision: the same in every revision."""
    need(len(data) <= LIMITS[magic], "a statement above its limit", "too big")
    begin = bytes([0x60 + len(magic)]) + magic
    need(len(data) > len(begin) + 102 and 0x80 <= data[0] <= 0x97, "not a statement")
    need(data[1:].startswith(begin) and data[1 + len(begin)] <= 23, "not a statement of this kind")
    need(data[-100:-98] == b"\x58\x20" and data[-66:-64] == b"\x58\x40", "a statement that ends otherwise")
    verify_key = data[-98:-66]
    verify(verify_key, data[-64:], LABELS[magic] + sha256(data[:-66]))
    need(expected in (None, verify_key), "signed by somebody else", "mismatch")
    need(data[1 + len(begin)] == 1, "another revision", "unsupported")
    return verify_key


def is_id(v):
    return isinstance(v, bytes) and len(v) == 32


def is_number(v):
    return isinstance(v, int) and 0 <= v < 1 << 64


def is_reference(v):
    return is_array(v, int, bytes) and is_number(v[0]) and is_id(v[1])


def read_record(fields, data):
    need(is_array(fields, str, int, bytes, int, list, bytes, list, bytes, bytes, bytes), "a record of another form")
    _, _, domain, number, previous, state, bundles, sealed, _, _ = fields
    need(len(domain) == 16 and is_number(number) and is_id(state), "a field of another form")
    need(all(map(is_reference, previous)), "a reference of another form")
    need(all(is_array(b, bytes, int, list | None) and is_id(b[0]) and is_number(b[1]) for b in bundles), "a bundle of another form")
    bases = [base for _, _, base in bundles if base is not None]
    need(all(is_array(b, int, bytes, bytes) and is_number(b[0]) and is_id(b[1]) and is_id(b[2]) for b in bases), "a base of another form")
    # Its place in the log.
    need(1 <= number <= NUMBER_MAX and (number == 1) == (not previous) and len(previous) <= 16, "a number that does not go with it")
    need(not previous or previous[0][0] == number - 1, "the number before is not the one before")
    for (a, first), (b, second) in zip(previous, previous[1:]):
        need(1 <= b <= a and (b < a or first < second), "references out of order")
    # Its bundles.
    need(len(bundles) <= 3 and (number > 1 or bundles), "too many bundles, or a first record without any")
    need(all(1 <= length <= BUNDLE_MAX for _, length, _ in bundles), "a length that no bundle has")
    places = [float("-inf") if base is None else -base[0] for _, _, base in bundles]
    need(all(a < b for a, b in zip(places, places[1:])), "bundles out of order")
    need(len({sha for sha, _, _ in bundles}) == len(bundles), "a bundle twice")
    for n, record, base_state in bases:
        need(1 <= n < number and base_state != state, "a base that is no earlier state")
        need(n != number - 1 or [n, record] in previous, "a base of the number before, on another line")
    need(len(sealed) >= 272 and len(sealed) % 256 == 16, "a sealed part of another length")
    down = f"{NUMBER_MAX - number:016}"
    return {
        "name": f"{domain.hex()}/log/{down[:13]}/{down[13:]}-{sha256(data).hex()}",
        "number": number,
        "previous": [[n, record.hex()] for n, record in previous],
        "state": state.hex(),
        "bundles": [[sha.hex(), length, base and [base[0], base[1].hex(), base[2].hex()]] for sha, length, base in bundles],
    }


def open_details(keys, sealed, data):
    before = data[:len(data) - 100 - len(encode(sealed))]
    seal = AESSIV(expand(keys.read_key, "lifeboat log 1 seal", keys.domain_id, 64))
    try:
        plaintext = seal.decrypt(sealed, [b"lifeboat record 1\0" + sha256(before)])
    except (InvalidTag, ValueError):
        raise Refused("corrupt: a sealed part that does not open") from None
    # Another revision may have other fields; but it begins as this one does.
    head = Sequence(plaintext)
    need(head.head()[0] == 4, "details that are none")
    major, revision = head.head()
    need(major == 0, "details without a revision")
    need(revision == 1, "details of another revision", "unsupported")
    sequence = Sequence(plaintext)
    details = sequence.item()
    padding = plaintext[sequence.at:]
    need(not any(padding) and len(padding) < 256, "padding that is not canonical")
    need(is_array(details, int, int | None, str | None, str | None, int | None, int | None, bytes | None), "details of another form")
    _, date, writer, label, version, page_size, group = details
    need(date is None or date in DATES, "a date that RFC 3339 has not")
    need(all(text is None or 1 <= len(text.encode()) <= 255 for text in (writer, label)), "a text of another length")
    need(version is None or version in VERSIONS, "a version of another size")
    need(page_size in (None, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536), "a page size that SQLite has not")
    need(group is None or len(group) == 16, "a group of another length")
    return [date, writer, label, version, page_size, group and group.hex()]


def read_floor(fields, data):
    need(is_array(fields, str, int, bytes, list, int, bytes, bytes), "a floor statement of another form")
    _, _, domain, record, lowest, _, _ = fields
    need(len(domain) == 16 and is_reference(record) and is_number(lowest), "a field of another form")
    need(record[0] <= NUMBER_MAX and 1 <= lowest <= record[0], "a lowest number that is none")
    name = f"{domain.hex()}/floor/{NUMBER_MAX - record[0]:016}-{sha256(data).hex()}"
    return {"name": name, "record": [record[0], record[1].hex()], "lowest": lowest}


def said(data, key_text, form):
    """The line of JSON."""
    return json.dumps(read(data, key_text, b"lifeboat " + form.encode()), ensure_ascii=False, separators=(",", ":"))


NAME = re.compile(r"[0-9a-f]{32}/(?:bundles/([0-9a-f]{2})/\1[0-9a-f]{62}|log/[0-9]{13}/[0-9]{3}-[0-9a-f]{64}|floor/[0-9]{16}-[0-9a-f]{64})")


def is_name(name):
    """Whether a store's object of this name is one of ours. The number 0 is none: its digits would all be 9."""
    return NAME.fullmatch(name) is not None and "9" * 13 + "/999-" not in name and "/" + "9" * 16 + "-" not in name


def uuid(bundle_hash):
    """That of a bundle with this SHA-256."""
    digits = list(bundle_hash.hex()[:32])
    digits[12] = "8"
    digits[16] = f"{int(digits[16], 16) & 3 | 8:x}"
    return re.sub(r"(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", "".join(digits))


def main(path, key_text=None):
    data = Path(path).read_bytes()
    form = "floor" if data[2:].startswith(b"lifeboat floor") else "record"
    try:
        print(said(data, key_text, form))
    except Refused as refused:
        sys.exit(f"{path}: {refused}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
