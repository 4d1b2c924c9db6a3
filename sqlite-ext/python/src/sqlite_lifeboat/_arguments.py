"""What the functions are given: paths, keys and options. A mistake is told with its remedy, and never shows a key."""

from __future__ import annotations

import os
from typing import Callable, Optional, Union

from ._errors import HostError, MisuseError

#: The text of a recovery key, write key or read key; `file:PATH` or a `Path`, a file that holds it; `env:NAME`, an
#: environment variable.
Key = Union[str, "os.PathLike[str]"]

#: Is told how far the work is: the phase, how many of its bytes are done, and of how many where that is known.
Progress = Callable[[str, int, Optional[int]], None]

# A read key has 147 characters, and people write it in groups.
_MAX_KEY = 1024
PREFIXES = {
    "lifeboatkey1": "a recovery key",
    "lifeboatwrite1": "a write key",
    "lifeboatread1": "a read key",
    "lifeboatverify1": "a verify key",
}
# How many characters the texts of keys have.
_LENGTHS = {"lifeboatkey1": 70, "lifeboatwrite1": 97, "lifeboatread1": 147, "lifeboatverify1": 73}
FORMS = "give the text that keygen() made, or 'file:PATH', or 'env:NAME'"


def path_of(value: object, what: str) -> str:
    """The path of `what`, as it was given."""
    path = value
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
    if not isinstance(path, str):
        raise MisuseError(f"the path of {what} is {kind_of(path)}; give it as a str or a Path")
    for prefix, stands in PREFIXES.items():
        if prefix in compact(path):
            raise MisuseError(f"{stands} stands where the path of {what} belongs; look at the order of the arguments")
    if path.startswith(("file:", "env:")):
        form = "the form of a key, 'file:PATH' or 'env:NAME', stands"
        raise MisuseError(f"{form} where the path of {what} belongs; look at the order of the arguments")
    if not path or "\0" in path:
        raise MisuseError(f"the path of {what} is empty, or has a NUL character in it")
    return path


def key_of(key: object, what: str = "recovery key") -> tuple[str, Optional[str]]:
    """The text of a key, and the path of the file that holds it."""
    if isinstance(key, os.PathLike):
        key = f"file:{path_of(key, 'the file of the key')}"
    if not isinstance(key, str):
        raise MisuseError(f"the {what} is {kind_of(key)}; {FORMS}")
    form, _, rest = key.partition(":")
    if form == "file":
        return _text(_content(rest), what, f"the key's file '{rest}': "), rest
    if form == "env":
        if rest not in os.environ:
            raise HostError(f"the environment variable '{rest}' that should hold the key is not set in this process")
        return _text(os.environ[rest], what, f"the environment variable '{rest}': "), None
    if not any(prefix in compact(key) for prefix in PREFIXES):
        raise MisuseError(f"this is not a {_meant(key, what)}")
    return _text(key, what, ""), None


def option_text(value: object, name: str) -> Optional[str]:
    """A text, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise MisuseError(f"{name} is {kind_of(value)}; give it as a str")
    if "\0" in value:
        raise MisuseError(f"{name} has a NUL character in it")
    return value


def check_options(progress: object, timeout: object, max_memory: object) -> None:
    """Those that all functions have."""
    if progress is not None and not callable(progress):
        raise MisuseError(f"progress is {kind_of(progress)}; give a function that takes a phase, the bytes done, and their total")
    if timeout is not None and not (_is_number(timeout, (int, float)) and timeout == timeout):
        raise MisuseError(f"timeout is {kind_of(timeout)}; give it in seconds")
    if not _is_number(max_memory, int):
        raise MisuseError(f"max_memory is {kind_of(max_memory)}; give it in bytes")


def check_flag(value: object, name: str) -> None:
    """True or False, and nothing that is taken for one of them."""
    if not isinstance(value, bool):
        raise MisuseError(f"{name} is {kind_of(value)}; give True or False")


def _is_number(value: object, kinds: Union[type, tuple[type, ...]]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def kind_of(value: object) -> str:
    return "None" if value is None else f"of the type {type(value).__name__}"


def compact(text: str) -> str:
    return "".join(text.split()).lower()


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_KEY + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise HostError(f"the key's file '{path}' cannot be read: {why}") from None


def _text(text: str, what: str, place: str) -> str:
    if len(text) > _MAX_KEY:
        raise MisuseError(f"{place}this is not a {what}, which is a short text")
    if not any(prefix in compact(text) for prefix in PREFIXES):
        raise MisuseError(f"{place}this is not a {': '.join(_mistake(text, what))}")
    return text


def _mistake(text: str, what: str) -> tuple[str, str]:
    """What a text is not, and why. The component says the same of texts that come as far as it."""
    compact = "".join(text.split())
    if not compact:
        return what, "the text is empty"
    kinds = [kind for kind in _LENGTHS if (kind == "lifeboatverify1") == (what == "verify key")]
    is_plain = compact.isascii() and compact.isalnum()
    typed = [kind for kind in kinds if is_plain and abs(len(compact) - _LENGTHS[kind]) < 3]
    meant = typed or kinds
    beginnings = _either([f'"{kind}"' for kind in meant])
    why = f"it should start with {beginnings}"
    if typed:
        why = f"a character of its beginning is wrong, which should be {beginnings}; compare it with its copy"
    return _either([PREFIXES[kind].removeprefix("a ") for kind in meant]), why


def _either(words: list[str]) -> str:
    """a, b or c"""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _meant(text: str, what: str) -> str:
    expected = ": ".join(_mistake(text, what))
    start = text.lstrip()
    if start.startswith("{"):
        return f"{expected}; options are given by their names; {FORMS}"
    if _is_path(text):
        remedy = "for the key in a file, write 'file:PATH', with 'file:' before its path"
        return f"{expected}; {remedy}; for another file, look at the order of the arguments"
    return f"{expected}; {FORMS}"


def _is_path(text: str) -> bool:
    try:
        return any(mark in text for mark in "/\\.") or bool(text) and os.path.exists(text)
    except ValueError:
        return False

