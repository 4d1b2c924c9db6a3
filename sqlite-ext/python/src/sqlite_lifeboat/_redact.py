"""Cuts secret keys out of texts that are shown: somebody may have put one where a path belongs."""

from __future__ import annotations

import re

# What stands behind the prefix of a key, and how many of them.
_CHARACTER = "[ac-hj-np-z02-9]"
_LENGTHS = {"lifeboatkey1": 58, "lifeboatwrite1": 83, "lifeboatread1": 134}
_LENGTH = 58
# In groups of one length, of which the last may be shorter, so many are enough: the first may share a group with the prefix.
_LENGTH_IN_GROUPS = 50
_GROUPS = "|".join(
    rf"(?<![a-z0-9])(?:{_CHARACTER}{{{size}}}[\s-]{{1,2}}){{{-(-_LENGTH_IN_GROUPS // size) - 1},}}{_CHARACTER}{{1,{size}}}(?![a-z0-9])"
    for size in range(1, 40)
)
# A group behind a prefix: one of more than 8 characters is a word unless it has a digit.
_GROUP = rf"(?:{_CHARACTER}{{1,8}}|(?=[a-z]*\d){_CHARACTER}{{9,}})(?![a-z0-9])"
# A verify key, which is public; a secret key, or what is left of one, and groups of its characters behind that; and so many
# characters of a key without its prefix, in a row or in groups.
_KEYS = re.compile(
    rf"lifeboatverify1{_CHARACTER}{{{_LENGTH}}}"
    rf"|(?P<prefix>lifeboat(?:key|write|read)1)(?P<run>[a-z0-9]*)(?P<groups>(?:[\s-]{{1,3}}{_GROUP})*)"
    rf"|{_CHARACTER}{{40,}}|{_GROUPS}",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text without keys."""
    return _KEYS.sub(_shown, text)


def has_key(text: str) -> bool:
    """Whether there is a key in it."""
    return redact(text) != text


def _shown(found: re.Match[str]) -> str:
    text = found[0].lower()
    if found["prefix"]:
        run, groups = found["run"], found["groups"]
        # Words may follow what is whole, and a few characters may be a word.
        if len(run) >= _LENGTHS[found["prefix"].lower()] or len(run) + len("".join(groups.split())) < 16:
            return f"{found['prefix']}{'[key]' if run else ''}{groups}"
        return f"{found['prefix']}[key]"
    # Neither a hexadecimal number, such as a state id, nor words: a key has letters and digits of all kinds.
    letters = sum("g" <= character <= "z" for character in text)
    is_key = letters > 3 and sum(character.isdigit() for character in text) > 3
    return "[key]" if is_key and not text.startswith("lifeboatverify1") else found[0]
