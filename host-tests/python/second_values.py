"""The sections Encoding, Values and Order of core/FORMAT.md, for second_decoder.py: written from that page alone.

A value of SQLite is None, an int, a float, a str (well-formed UTF-8), bytes (a blob) or [encoding, bytes] (any other text). A
key is None, an int (a rowid) or a list of values; a row is a list of values."""

import struct

DEPTH = 5  # the depth of a wrapped text in a bound: entry, runs, run, key, text
VALUE_LIMIT, VALUES_LIMIT, KEY_LIMIT = 1_000_000_000, 32_767, 1 << 20
BOUND_BYTES, BOUND_VALUES = 32, 16


class Refused(Exception):
    """What a reader refuses: the kind, and why."""


def need(ok, why, kind="corrupt"):
    if not ok:
        raise Refused(f"{kind}: {why}")


# Encoding
def encode(v):
    if v is None:
        return b"\xf6"
    if isinstance(v, float):
        return b"\xfb" + struct.pack(">d", v)
    if isinstance(v, int):
        return encode_head(0, v) if v >= 0 else encode_head(1, -1 - v)
    if isinstance(v, list):
        return encode_head(4, len(v)) + b"".join(map(encode, v))
    return encode_head(2 if isinstance(v, bytes) else 3, len(raw(v))) + raw(v)


def encode_head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    size = next(size for size in (1, 2, 4, 8) if n < 1 << 8 * size)
    return bytes([major << 5 | 23 + size.bit_length()]) + n.to_bytes(size, "big")


class Sequence:
    """A CBOR sequence, read strictly: no item that it gives has another encoding. `early` is what an early end is."""

    def __init__(self, data, at=0, early="corrupt"):
        self.data, self.at, self.early = data, at, early

    def more(self):
        return self.at < len(self.data)

    def take(self, n):
        need(n <= len(self.data) - self.at, "the bytes end early", self.early)
        self.at += n
        return self.data[self.at - n:self.at]

    def head(self):
        start, first = self.at, self.take(1)[0]
        major, n = first >> 5, first & 31
        need(major <= 4 and n < 28 or first in (0xf6, 0xfb), "CBOR that does not occur")
        if major <= 4 and n >= 24:
            n = int.from_bytes(self.take(1 << n - 24), "big")
            need(self.data[start:self.at] == encode_head(major, n), "a head that is not the shortest")
        return major, n

    def item(self, depth=1):
        major, n = self.head()
        if major < 2:
            return n if major == 0 else -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            string = text(self.take(n))
            need(isinstance(string, str), "a text string that is not well-formed")
            return string
        if major == 4:
            need(depth <= DEPTH, "arrays nest too deep")
            return [self.item(depth + 1) for _ in range(n)]
        number = struct.unpack(">d", self.take(8))[0] if n == 27 else None
        need(number == number, "NaN")
        return number


def is_array(v, *types):
    return isinstance(v, list) and len(v) == len(types) and all(isinstance(x, t) for x, t in zip(v, types))


# Values
def text(data):
    """The value of a TEXT in a UTF-8 file."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return [1, data]


def raw(v):
    """The bytes of a text or blob; none for others."""
    return v.encode() if isinstance(v, str) else v[1] if isinstance(v, list) else v if isinstance(v, bytes) else b""


def check_values(values, see_encoding):
    """The values of a row or of a primary key; `see_encoding` is told that of each text."""
    need(isinstance(values, list), "a row that is not an array")
    need(len(values) <= VALUES_LIMIT, "a row of too many values", "too big")
    for v in values:
        if isinstance(v, list):
            need(is_array(v, int, bytes) and 1 <= v[0] <= 3, "an array that is no wrapped text")
            need(text(v[1]) == v if v[0] == 1 else len(v[1]) % 2 == 0, "a text that is wrapped in error")
        if isinstance(v, (list, str)):
            see_encoding(v[0] if isinstance(v, list) else 1)
        need(not isinstance(v, int) or -1 << 63 <= v < 1 << 63, "an integer that SQLite does not have")
        need(len(raw(v)) <= VALUE_LIMIT, "a value above its limit", "too big")


# Order
def value_order(v):
    if isinstance(v, (int, float)):
        return 1, v  # Python compares integers and floats exactly
    return (0,) if v is None else (3 if isinstance(v, bytes) else 2, raw(v))


def key_order(key):
    if isinstance(key, list):
        return 2, [value_order(v) for v in key], encode(key)
    return (0,) if key is None else (1, key)


def change_order(table, key):
    return (1, table.encode()) if isinstance(table, str) else (0, table), key_order(key)


# Index
def bound(key):
    """A key as an index entry has it."""
    if not isinstance(key, list):
        return key
    short = []
    for v in key[:BOUND_VALUES]:
        if len(raw(v)) > BOUND_BYTES:
            cut = raw(v)[:BOUND_BYTES]
            utf8 = isinstance(v, str) or isinstance(v, list) and v[0] == 1
            return short + [text(cut) if utf8 else [v[0], cut] if isinstance(v, list) else cut]
        short.append(v)
    return short


# What the decoder prints
def shown(v):
    """A value as JSON."""
    if isinstance(v, list):
        return {"text": ("utf-8", "utf-16le", "utf-16be")[v[0] - 1], "bytes": v[1].hex()}
    return {"real": repr(v)} if isinstance(v, float) else {"blob": v.hex()} if isinstance(v, bytes) else v


def shown_row(row):
    """A row, or a key, as JSON."""
    return [shown(v) for v in row] if isinstance(row, list) else row
