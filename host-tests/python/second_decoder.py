#!/usr/bin/env python3
"""An independent decoder and verifier of Lifeboat bundles, written from core/FORMAT.md alone.

    second_decoder.py BUNDLE [KEY-TEXT]

With the recovery key it checks every rule of the page that a reader can check, and only then prints JSON lines: the state id,
the settings, the schema, then [table, key, values] for each item (for a delta: [table, key, old, new] for each change). Without
a key it checks the head, the framing, the records and the signature. A refusal is one line on stderr and exit code 1.
Integers, well-formed UTF-8 and NULL are plain JSON; the other values are {"real": text}, {"blob": hex} and
{"text": encoding, "bytes": hex}. Needs the packages cryptography and zstandard."""

import hashlib
import hmac
import json
import struct
import sys

import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIB, HEAD_SIZE, DEPTH = 1 << 20, 75, 5  # the depth of a wrapped text in a bound: entry, runs, run, key, text
SEALED_LIMIT, ITEMS_LIMIT, VALUE_LIMIT, CHANGE_LIMIT, VALUES_LIMIT = 1_081_360, 1 << 20, 1_000_000_000, 1_001_000_000, 32_767
HELD_LIMIT, NAME_LIMIT, DOMAIN_LIMIT, RUNS_LIMIT, INDEX_LIMIT, SUMMARY_LIMIT = 16 * MIB, 4_096, 255, 4_096, 256 * MIB, 512
SETTINGS, SCHEMA, SELECTION = 0, 1, 2
WHOLE_TABLES = {"sqlite_sequence", "sqlite_stat1", "sqlite_stat2", "sqlite_stat3", "sqlite_stat4"}


class Refused(Exception):
    """What a reader must reject: the kind, and why."""


def need(ok, why, kind="corrupt"):
    if not ok:
        raise Refused(f"{kind}: {why}")


def sha256(data):
    return hashlib.sha256(data).digest()


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
        return (1, v, encode(v))  # Python compares integers and floats exactly
    return (0,) if v is None else (3 if isinstance(v, bytes) else 2, raw(v))


def change_order(table, key, is_write):
    t = (1, table.encode()) if isinstance(table, str) else (0, table)
    return t, is_write, (0,) if key is None else (1, key) if isinstance(key, int) else (2, [value_order(v) for v in key])


# Keys
def bech32m(prefix, string):
    """The 32 bytes of a BIP 350 text."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    hrp, _, data = string.lower().rpartition("1")
    need(string in (string.lower(), string.upper()) and hrp == prefix, "not a key text", "key")
    need(len(data) == 58 and set(data) <= set(alphabet), "not a key text", "key")
    groups, check = [alphabet.index(c) for c in data], 1
    for value in [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp] + groups:
        top, check = check >> 25, (check & 0x1ffffff) << 5 ^ value
        for i, generator in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= generator * (top >> i & 1)
    number = sum(g << 5 * i for i, g in enumerate(reversed(groups[:52])))
    need(check == 0x2bc830a3 and number & 15 == 0, "a key text with an error", "key")
    return (number >> 4).to_bytes(32, "big")


class Keys:
    """The key schedule, and what is computed with its keys."""

    def __init__(self, recovery_key, domain_id):
        need(len(set(recovery_key)) > 1, "a key whose bytes are all equal", "key")
        self.recovery_key, self.domain_id = recovery_key, domain_id
        self.commitment = self.expand("lifeboat suite 1 commitment", domain_id, 32)
        self.chunk_seal = AESSIV(self.expand("lifeboat suite 1 chunk seal", domain_id, 64))
        self.index_seal = AESSIV(self.expand("lifeboat suite 1 index seal", domain_id, 64))
        signer = Ed25519PrivateKey.from_private_bytes(self.expand("lifeboat suite 1 signature", domain_id, 32))
        self.verify_key = signer.public_key().public_bytes_raw()
        self.digest_key = self.expand("lifeboat state 1 digest", domain_id, 32)
        self.state_id_key = self.expand("lifeboat state 1 state id", domain_id, 32)

    def expand(self, label, context, n):
        return HKDF(SHA256(), n, b"lifeboat", label.encode() + b"\0" + context).derive(self.recovery_key)

    def digest(self, table, key, value):
        return hmac.digest(self.digest_key, encode([1, table, key, value]), "sha256")[:16]

    def state_id(self, total, items):
        return hmac.digest(self.state_id_key, encode([1, total, items]), "sha256")


# Changes and chunks
class Changes:
    """Takes the plaintexts of the chunks in their order, and makes of them the entries that the index must have."""

    def __init__(self, keys, full):
        self.keys, self.full, self.last, self.schema_tables, self.encodings = keys, full, None, None, {}
        self.all, self.entries, self.pieces, self.sum, self.items, self.has_settings = [], [], [], 0, 0, False

    def chunk(self, kind, plaintext):
        need((kind == 0) <= (not self.pieces), "a large change that is interrupted")
        if kind == 1:
            need(len(plaintext) == MIB, "a part of a large change that has not the full size")
            need(len(self.pieces) * MIB <= CHANGE_LIMIT, "a change above its limit", "too big")
            self.pieces.append(plaintext)
            self.entries.append(encode([1, bytes(16), []]))
            return
        need(plaintext and (kind == 0 or self.pieces), "an empty chunk, or a large change that is none")
        sum_before, count_before = self.sum, len(self.all)
        runs = self.runs(Sequence(b"".join(self.pieces) + plaintext))
        need(kind == 0 or len(self.all) == count_before + 1, "a large change of more than one change")
        self.pieces = []
        self.entries.append(encode([kind, ((self.sum - sum_before) % 2**128).to_bytes(16, "big"), runs]))

    def runs(self, sequence):
        runs = []
        while sequence.more():
            table, counts, first, before = self.head_of_run(sequence.item()), [0, 0], None, None
            need(table not in [run[0] for run in runs[-1:]], "a table with two runs in one chunk")  # others: out of order
            while sequence.more() and sequence.data[sequence.at] >> 5 == 4:
                start, change = sequence.at, sequence.item()
                need(sequence.at - start <= CHANGE_LIMIT, "a change above its limit", "too big")
                need(is_array(change, object, bytes | None, object), "not a change")
                key, old, new = change
                is_write = new is not None
                if isinstance(key, int) and before and isinstance(before[0], int) and before[1] == is_write:
                    need(key >= 0, "a step below 0")
                    key += before[0] + 1
                self.change(table, key, old, new)
                first, before = first or [key], (key, is_write)
                counts[is_write] += 1
            need(first, "a run without changes")
            runs.append([table, *counts, bound(first[0])])
            need(len(runs) <= RUNS_LIMIT, "too many runs in a chunk", "too big")
        return runs

    def head_of_run(self, table):
        need(isinstance(table, str) or isinstance(table, int) and 0 <= table <= 2, "not a head of a run")
        need(table != SELECTION, "a selection", "unsupported")
        need(len(raw(table)) <= NAME_LIMIT, "a name above its limit", "too big")
        return table

    def change(self, table, key, old, new):
        need(old is not None or new is not None, "a change from nothing to nothing")
        need(old is None or not self.full and len(old) == 16, "an old in a full bundle, or one that is no digest")
        self.check_item(table, key, new)
        order = change_order(table, key, new is not None)
        need(self.last is None or self.last < order, "changes out of order")
        digest = None if new is None else self.keys.digest(table, key, new)
        need(digest != old, "a change to the same value")
        self.last = order
        self.items += (old is None) - (new is None)
        self.sum += int.from_bytes(digest or b"", "big") - int.from_bytes(old or b"", "big")
        self.all.append([table, key, old, new])

    def check_item(self, table, key, new):
        def see_encoding(n):
            # Removed keys have the encoding of the base, which a delta with new settings does not tell.
            side = new is not None or not self.has_settings
            need(self.encodings.setdefault(side, n) == n, "text of another encoding")

        if isinstance(table, int) or table in WHOLE_TABLES:
            need(key is None, "a key of an item that has none")
        elif isinstance(key, int):
            need(-1 << 63 <= key < 1 << 63, "a rowid that SQLite does not have")
        else:
            need(key, "a row without a key")
            check_values(key, see_encoding)
        if new is None:
            need(isinstance(table, str), "a state without settings or schema")
        elif table == SETTINGS:
            need(is_array(new, int, int, int) and 1 <= new[2] <= 3, "settings that are none")
            need(all(-1 << 31 <= n < 1 << 31 for n in new), "a pragma's value of more than 32 bits")
            self.has_settings, self.encodings = True, {True: new[2]}
        elif table == SCHEMA or table in WHOLE_TABLES:
            need(isinstance(new, list), "an item that is no array of rows")
            need(len(encode(new)) <= HELD_LIMIT, "an item above its limit", "too big")
            if table == SCHEMA:
                need(all(is_array(row, str, str, str, str) for row in new), "a schema that is none")
                need({row[0] for row in new} <= {"table", "index", "view", "trigger"}, "a schema that is none")
                self.schema_tables = {row[1] for row in new if row[0] == "table"}
            for row in new if table != SCHEMA else ():
                check_values(row, see_encoding)
            need(new or table == SCHEMA, "an item for a table without rows")
        else:
            check_values(new, see_encoding)
        if new is not None and isinstance(table, str) and self.schema_tables is not None:
            need(table in self.schema_tables, "rows of a table that the schema does not have")


# Seal
def padme(n):
    e = n.bit_length() - 1
    step = 1 << e - e.bit_length()
    return -(-n // step) * step


def open_seal(keys, head, kind, sealed):
    seal, data = keys.chunk_seal, b"lifeboat suite 1 chunk\0" + bytes([kind])
    if kind == 3:
        seal, data = keys.index_seal, b"lifeboat suite 1 index\0" + sha256(head)
    try:
        sequence = Sequence(seal.decrypt(sealed, [data]))
    except (InvalidTag, ValueError):
        raise Refused("corrupt: a seal that does not open") from None
    box, padding = sequence.item(), sequence.data[sequence.at:]
    need(is_array(box, int, int, bytes) and min(box[:2]) >= 0, "a box that is none")
    need(not any(padding) and len(sequence.data) == padme(sequence.at), "padding that is not canonical")
    method, length, content = box
    need(method <= 1, "another method", "unsupported")
    need(length <= MIB, "a plaintext above 1 MiB", "too big")
    plaintext = decompress(content, length) if method else content
    need(len(plaintext) == length, "a content of another length")
    return plaintext


def decompress(content, length):
    """One whole frame, fed in small steps: few bytes more than the stated length are ever made."""
    need(content[:4] == b"\x28\xb5\x2f\xfd", "a content that is no zstd frame")
    frame, out = zstandard.ZstdDecompressor().decompressobj(), bytearray()
    try:
        for at in range(0, len(content), 64):
            need(not frame.eof, "bytes after the frame")
            out += frame.decompress(content[at:at + 64])
            need(len(out) <= length, "a content that is longer than stated")
    except zstandard.ZstdError:
        raise Refused("corrupt: a content that is no zstd frame") from None
    need(frame.eof and not frame.unused_data, "a content that is not one whole frame")
    return bytes(out)


# Bundle
def read_bundle(data, recovery_key=None):
    """(base id, state id, changes); without a key the changes are empty."""
    head = read_head(data)
    keys = recovery_key and Keys(recovery_key, head[16:32])
    need(not keys or hmac.compare_digest(keys.commitment, head[34:66]), "another commitment", "wrong key")
    sequence, chunks, records = Sequence(data, HEAD_SIZE, "truncated"), [], [record(head)]
    while data[sequence.at:sequence.at + 1] == b"\x82":
        start, kind = sequence.at, sequence.take(2)[1]
        need(kind <= 3 and (kind == 3 or not chunks or chunks[-1][0] < 3), "an item of another kind, or in another place")
        major, size = sequence.head()
        need(major == 2 and size <= SEALED_LIMIT, "a chunk that is no byte string, or above its limit")
        chunks.append((kind, sequence.take(size)))
        records.append(record(data[start:sequence.at]))
        need(len(records) <= ITEMS_LIMIT, "too many items")
    need(sequence.more(), "the bytes end before the tail", "truncated")
    need(chunks and chunks[-1][0] == 3, "no page of the index")
    base_id, state_id, verify_key = read_tail(sequence, b"".join(records))
    if not keys:
        return base_id, state_id, []
    need(verify_key == keys.verify_key, "a verify key that is not the domain's")
    changes, pages = Changes(keys, base_id is None), []
    for kind, sealed in chunks:
        plaintext = open_seal(keys, head, kind, sealed)
        pages.append(plaintext) if kind == 3 else changes.chunk(kind, plaintext)
    read_index(keys, pages, changes, base_id, state_id)
    return base_id, state_id, changes.all


def read_head(data):
    head = data[:HEAD_SIZE]
    need(len(head) == HEAD_SIZE, "the bytes end in the head", "truncated")
    need(head[:13] == b"\xd9\xd9\xf7\x86\x68lifeboat", "not a bundle")
    need(head[66:] == b"\x48" + sha256(head[:66])[:8], "a head whose check is wrong")
    need(head[13:15] == b"\1\1", "another revision or suite", "unsupported")
    need(head[15:16] + head[32:34] == b"\x50\x58\x20", "a head of another form")
    return head


def record(item):
    return len(item).to_bytes(4, "big") + sha256(item)


# Index
def bound(key):
    short = []
    for v in key if isinstance(key, list) else ():
        if len(raw(v)) > 32:
            cut = raw(v)[:32]
            utf8 = isinstance(v, str) or isinstance(v, list) and v[0] == 1
            return short + [text(cut) if utf8 else [v[0], cut] if isinstance(v, list) else cut]
        short.append(v)
    return short or key


def read_index(keys, pages, changes, base_id, state_id):
    need(not changes.pieces, "a large change that is interrupted")
    need(all(len(page) == MIB for page in pages[:-1]) and pages[-1], "an index that is cut otherwise")
    index, entries = b"".join(pages), b"".join(changes.entries)
    need(len(index) <= INDEX_LIMIT and len(index) - len(entries) <= SUMMARY_LIMIT, "an index or summary above its limit")
    need(index.startswith(entries), "entries that are not those of the chunks")
    sequence = Sequence(index, len(entries))
    summary = sequence.item()
    need(not sequence.more() and is_array(summary, str, list, list, int, int), "a summary that is none")
    domain, base, target, chunk_count, change_count = summary
    need(1 <= len(raw(domain)) <= DOMAIN_LIMIT, "a domain name of another length")
    need(keys.expand("lifeboat domain", raw(domain), 16) == keys.domain_id, "a domain name of another domain")
    need(is_array(base, bytes, int) and len(base[0]) == 16 and base[1] >= 0, "a total that is none")
    total = (int.from_bytes(base[0], "big") + changes.sum) % 2**128
    need(target == [total.to_bytes(16, "big"), base[1] + changes.items], "a target that does not follow")
    need((chunk_count, change_count) == (len(changes.entries), len(changes.all)), "counts that do not follow")
    need(changes.full == (base == [bytes(16), 0]), "a base that does not go with the bundle")
    need(changes.full or base_id == keys.state_id(*base), "a base id that does not follow")
    need(state_id == keys.state_id(*target), "a state id that does not follow")
    need(not changes.full or changes.has_settings and changes.schema_tables is not None, "a state without settings or schema")


# Tail
def read_tail(sequence, records):
    start, tail = sequence.at, sequence.item()
    size = sequence.at - start
    need(is_array(tail, bytes | None, bytes, bytes, int, bytes, bytes), "not a tail")
    need([len(tail[i] or bytes(32)) for i in (0, 1, 4, 5)] == [32, 32, 32, 64] and tail[0] != b"", "not a tail")
    need(tail[2] == records, "records that are not those of the items")
    need(tail[3] == start, "another length before the tail")
    verify(tail[4], tail[5], b"lifeboat suite 1 signature\0" + sha256(sequence.data[start:start + size - 66]))
    need(sequence.take(9) == b"\x48" + size.to_bytes(8, "big"), "a trailer that states another length")
    need(not sequence.more(), "bytes after the trailer")
    return tail[0], tail[1], tail[4]


def verify(verify_key, signature, message):
    """Strict: the library checks S, and R byte for byte without the cofactor; the points are checked here."""
    p, eighth = 2**255 - 19, 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7
    for point in (verify_key, signature[:32]):
        y = int.from_bytes(point, "little") % 2**255
        need(y < p and y not in (0, 1, p - 1, eighth, p - eighth), "a point of small order, or not canonical")
    try:
        Ed25519PublicKey.from_public_bytes(verify_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Refused("corrupt: a signature that does not verify") from None


def typed(v):
    if isinstance(v, list):
        wrapped = is_array(v, int, bytes)
        return {"text": ("utf-8", "utf-16le", "utf-16be")[v[0] - 1], "bytes": v[1].hex()} if wrapped else [typed(x) for x in v]
    return {"real": repr(v)} if isinstance(v, float) else {"blob": v.hex()} if isinstance(v, bytes) else v


def main(path, key_text=None):
    with open(path, "rb") as file:
        data = file.read()
    try:
        base_id, state_id, changes = read_bundle(data, key_text and bech32m("lifeboatkey", key_text))
    except Refused as refused:
        sys.exit(f"{path}: {refused}")
    print(json.dumps({"state id": state_id.hex(), "base id": base_id and base_id.hex()}))
    for table, key, old, new in changes:
        if base_id:
            print(json.dumps([table, typed(key), old and old.hex(), typed(new)]))
        elif table == SETTINGS:
            print(json.dumps({"settings": dict(zip(("application_id", "user_version", "encoding"), new))}))
        else:
            print(json.dumps({"schema": new} if table == SCHEMA else [table, typed(key), typed(new)]))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
