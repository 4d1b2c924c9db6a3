"""An encoder of Lifeboat bundles, for second_decoder_test.py alone: from core/FORMAT.md, on the decoder's own key schedule,
encoding and order. It writes what the page says a writer writes, byte for byte, and, where a test asks, something else."""

import hmac

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from second_decoder import RUNS_LIMIT, record
from second_keys import MIB, Keys, expand, padme, sha256
from second_values import bound, change_order, encode

NOTHING = [bytes(16), 0]


def keys_of(recovery_key, domain="default"):
    return Keys(recovery_key, expand(recovery_key, "lifeboat domain", domain.encode(), 16))


# States: dictionaries from (table, encoded key) to [table, key, value]
def state(*items):
    return {(item[0], encode(item[1])): list(item) for item in items}


def total(keys, of):
    numbers = (int.from_bytes(keys.digest(*item), "big") for item in of.values())
    return [(sum(numbers) % 2**128).to_bytes(16, "big"), len(of)]


def changes_between(keys, base, target):
    """The canonical list of changes."""
    changes = []
    for place in base.keys() | target.keys():
        old = keys.digest(*base[place]) if place in base else None
        table, key, new = target[place] if place in target else [*base[place][:2], None]
        if new is None or keys.digest(table, key, new) != old:
            changes.append([table, key, old, new])
    return sorted(changes, key=lambda change: change_order(*change[:2]))


class Chunks:
    """Cuts changes into chunks, as a writer does: [kind, plaintext, entry] each."""

    def __init__(self, keys, changes):
        self.keys, self.all = keys, []
        self.begin()
        for change in changes:
            self.add(*change)
        self.end()

    def begin(self):
        self.plaintext, self.runs, self.sum, self.before = bytearray(), [], 0, None

    def end(self, kind=0):
        if self.plaintext:
            entry = [kind, (self.sum % 2**128).to_bytes(16, "big"), self.runs]
            self.all.append([kind, bytes(self.plaintext), entry])
        self.begin()

    def add(self, table, key, old, new):
        rest = encode(old) + encode(new)
        large = len(encode(table) + b"\x83" + encode(key) + rest) > MIB
        new_run = not self.runs or self.runs[-1][0] != table
        size = len(self.plaintext) + len(self.coded(table, key)) + len(rest)
        if large or size > MIB or new_run and len(self.runs) == RUNS_LIMIT:
            self.end()
        self.plaintext += self.coded(table, key) + rest
        if not self.runs or self.runs[-1][0] != table:
            self.runs.append([table, 0, 0, bound(key)])
        self.runs[-1][2 if new is not None else 1] += 1
        self.sum -= int.from_bytes(old or b"", "big")
        self.sum += int.from_bytes(self.keys.digest(table, key, new), "big") if new is not None else 0
        self.before = key
        if large:
            while len(self.plaintext) > MIB:
                self.all.append([1, bytes(self.plaintext[:MIB]), [1, bytes(16), []]])
                del self.plaintext[:MIB]
            self.end(2)
        elif len(self.plaintext) >= 65_536 and self.cut(table, key, len(rest)):
            self.end()

    def coded(self, table, key):
        """What comes before the old: the head of the run where it is needed, the array's head and the key."""
        if not self.runs or self.runs[-1][0] != table:
            return encode(table) + b"\x83" + encode(key)
        step = isinstance(key, int) and isinstance(self.before, int)
        return b"\x83" + encode(key - self.before - 1 if step else key)

    def cut(self, table, key, n):
        first = hmac.digest(self.keys.cut_key, encode([table, key]), "sha256")[:8]
        limit = (2**64 - 1) // 196_608 * 2 ** (n.bit_length() - 1)
        return int.from_bytes(first, "big") < min(limit, 2**64 - 1)


def padded(box):
    return box.ljust(padme(len(box)), b"\0")


def boxed(kind, plaintext, compress):
    content = zstandard.ZstdCompressor(level=1).compress(plaintext) if compress and kind < 3 else plaintext
    method = int(len(content) < len(plaintext))
    return padded(encode([method, len(plaintext), content if method else plaintext]))


def seal(keys, items, kind, box):
    data = b"lifeboat suite 1 index\0" + sha256(b"".join(map(record, items))) if kind == 3 else b"lifeboat suite 1 chunk\0" + bytes([kind])
    return (keys.index_seal if kind == 3 else keys.chunk_seal).encrypt(box, [data])


def encode_bundle(keys, base, target, changes, domain="default", compress=False, **alter):
    """The bundle of these changes, of totals [sum, items] each. `alter` has functions for the tests of faults: `chunks`,
    `box`, `entries`, `summary` and `footer` take what would be written, and give what is written in its place."""
    def altered(name, what):
        return alter[name](what) if name in alter else what

    header = b"\xd9\xd9\xf7\x86\x68lifeboat\1\1\x50" + keys.domain_id + b"\x58\x20" + keys.commitment
    header += b"\x48" + sha256(header)[:8]
    chunks = altered("chunks", Chunks(keys, changes).all)
    entries = altered("entries", [entry for _, _, entry in chunks])
    summary = altered("summary", [domain, base, target])
    index = b"".join(map(encode, [*entries, summary]))
    pages = [(3, index[at:at + MIB]) for at in range(0, len(index), MIB)]
    items = [header]
    for kind, plaintext in [chunk[:2] for chunk in chunks] + pages:
        box = boxed(kind, plaintext, compress)
        box = altered("box", box) if kind < 3 else box
        items.append(b"\x82" + bytes([kind]) + encode(seal(keys, items, kind, box)))
    body = b"".join(items)
    base_id = None if base == NOTHING else keys.state_id(*base)
    footer = [base_id, keys.state_id(*target), b"".join(map(record, items)), keys.verify_key]
    footer = b"\x85" + b"".join(map(encode, altered("footer", footer)))
    message = b"lifeboat suite 1 signature\0" + sha256(footer)
    footer += encode(Ed25519PrivateKey.from_private_bytes(keys.seed).sign(message))
    return body + footer + b"\x48" + len(footer).to_bytes(8, "big")


def full_bundle(keys, target, **options):
    return encode_bundle(keys, NOTHING, total(keys, target), changes_between(keys, {}, target), **options)


def delta(keys, base, target, **options):
    return encode_bundle(keys, total(keys, base), total(keys, target), changes_between(keys, base, target), **options)


def delta_of(keys, base, changes, **options):
    """A delta of just these changes, in just this order, whatever they are: its target follows from its base and them."""
    base_total = total(keys, base)
    number = int.from_bytes(base_total[0], "big") + sum(
        (int.from_bytes(keys.digest(t, k, new), "big") if new is not None else 0) - int.from_bytes(old or b"", "big")
        for t, k, old, new in changes)
    items = base_total[1] + sum((old is None) - (new is None) for _, _, old, new in changes)
    target = [(number % 2**128).to_bytes(16, "big"), max(items, 0)]
    return encode_bundle(keys, base_total, target, changes, **options)
