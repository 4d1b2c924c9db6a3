"""The sections Keys, Digests and state ids, and Seal of core/FORMAT.md, for second_decoder.py: written from that page alone."""

import hashlib
import hmac

import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from second_values import Refused, Sequence, encode, is_array, need

MIB = 1 << 20


def sha256(data):
    return hashlib.sha256(data).digest()


# Keys
SIZES = {"lifeboatkey": 32, "lifeboatwrite": 16 + 32, "lifeboatread": 16 + 32 + 32, "lifeboatverify": 32}


def bech32m(string):
    """The prefix and the bytes of a BIP 350 text."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    prefix, _, data = string.lower().rpartition("1")
    need(string in (string.lower(), string.upper()) and prefix in SIZES, "not a key text", "key")
    size = SIZES[prefix]
    characters = -(-size * 8 // 5)
    need(len(data) == characters + 6 and set(data) <= set(alphabet), "not a key text", "key")
    groups, check = [alphabet.index(c) for c in data], 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + groups:
        top, check = check >> 25, (check & 0x1ffffff) << 5 ^ value
        for i, generator in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= generator * (top >> i & 1)
    number, left = sum(g << 5 * i for i, g in enumerate(reversed(groups[:-6]))), characters * 5 - size * 8
    need(check == 0x2bc830a3 and number & (1 << left) - 1 == 0, "a key text with an error", "key")
    return prefix, (number >> left).to_bytes(size, "big")


def read_key(text):
    """A recovery key as its bytes; a write key as (domain id, write key); a read key as (domain id, read key, verify key)."""
    prefix, data = bech32m(text)
    need(prefix != "lifeboatverify", "a verify key, which opens nothing", "key")
    return {"lifeboatkey": data, "lifeboatwrite": (data[:16], data[16:])}.get(prefix, (data[:16], data[16:48], data[48:]))


def expand(key, label, context, n):
    return HKDF(SHA256(), n, b"lifeboat", label.encode() + b"\0" + context).derive(key)


class Keys:
    """The key schedule, and what is computed with its keys. `key`: what `read_key` gives."""

    def __init__(self, key, domain_id):
        self.domain_id, self.recovery_key, self.seed = domain_id, None, None
        if isinstance(key, bytes):
            need(len(set(key)) > 1, "a key whose bytes are all equal", "key")
            self.recovery_key, key = key, (domain_id, expand(key, "lifeboat write key", domain_id, 32))
        need(key[0] == domain_id, "a key of another domain", "wrong key")
        if len(key) == 2:
            self.seed = expand(key[1], "lifeboat suite 1 signature", domain_id, 32)
            verify_key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
            key = domain_id, expand(key[1], "lifeboat read key", domain_id, 32), verify_key
        _, read_key, self.verify_key = key
        self.read_key = read_key
        self.commitment = expand(read_key, "lifeboat suite 1 commitment", domain_id, 32)
        self.chunk_seal = AESSIV(expand(read_key, "lifeboat suite 1 chunk seal", domain_id, 64))
        self.index_seal = AESSIV(expand(read_key, "lifeboat suite 1 index seal", domain_id, 64))
        self.cut_key = expand(read_key, "lifeboat suite 1 cut", domain_id, 32)
        self.digest_key = expand(read_key, "lifeboat state 1 digest", domain_id, 32)
        self.state_id_key = expand(read_key, "lifeboat state 1 state id", domain_id, 32)

    def is_name(self, name):
        """Whether the domain has this name; None where that cannot be told."""
        return self.recovery_key and expand(self.recovery_key, "lifeboat domain", name, 16) == self.domain_id

    def digest(self, table, key, value):
        return hmac.digest(self.digest_key, encode([1, table, key, value]), "sha256")[:16]

    def state_id(self, total, items):
        return hmac.digest(self.state_id_key, encode([1, total, items]), "sha256")


# Seal
def padme(n):
    e = n.bit_length() - 1
    step = 1 << e - e.bit_length()
    return -(-n // step) * step


def open_seal(keys, kind, sealed, records):
    """`records`: those of all items before this one."""
    seal, data = keys.chunk_seal, b"lifeboat suite 1 chunk\0" + bytes([kind])
    if kind == 3:
        seal, data = keys.index_seal, b"lifeboat suite 1 index\0" + sha256(records)
    try:
        sequence = Sequence(seal.decrypt(sealed, [data]))
    except (InvalidTag, ValueError):
        raise Refused("corrupt: a seal that does not open") from None
    box, padding = sequence.item(), sequence.data[sequence.at:]
    need(is_array(box, int, int, bytes) and min(box[:2]) >= 0, "a box that is none")
    need(not any(padding) and len(sequence.data) == padme(sequence.at), "padding that is not canonical")
    method, length, content = box
    need(method <= 1, "another method", "unsupported")
    need(method == 0 or len(content) < length, "a frame that is not shorter than what it gives")
    need(length <= MIB, "a plaintext above 1 MiB", "too big")
    plaintext = decompress(content, length) if method else content
    need(len(plaintext) == length, "a content of another length")
    return plaintext


def decompress(content, length):
    """One whole frame, fed in small steps: few bytes more than the stated length are ever made."""
    need(content[:4] == b"\x28\xb5\x2f\xfd", "a content that is no zstd frame")
    try:
        asked = zstandard.get_frame_parameters(content)
    except zstandard.ZstdError:
        raise Refused("corrupt: a content that is no zstd frame") from None
    # Of a frame of one segment the window is its content, which is short.
    need(asked.dict_id == 0 and asked.window_size <= 8 * MIB, "a frame with a dictionary, or a large window")
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


# Signature
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
