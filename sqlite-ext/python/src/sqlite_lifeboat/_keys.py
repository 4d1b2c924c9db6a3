"""Makes keys: recovery keys, and those that are derived from them.

Each function gives the text. With `out` it writes a new file that its owner alone can read, and gives its path, which is a key for
all other functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional, Union, overload

from ._errors import MisuseError
from ._keyfile import write_key_file
from ._places import AnyKey, PathText, key_text, path_text
from ._results import SecretKey
from ._sql import call, query


@overload
def keygen(*, secret: Union[str, bytes, None] = None, label: Optional[str] = None) -> SecretKey: ...
@overload
def keygen(*, out: PathText, secret: Union[str, bytes, None] = None, label: Optional[str] = None) -> Path: ...
def keygen(
    *, out: Optional[PathText] = None, secret: Union[str, bytes, None] = None, label: Optional[str] = None
) -> Union[SecretKey, Path]:
    """Makes a new recovery key, from 256 bits of the system's random generator. Whoever has it can open every bundle; without it
    nobody can. Keep it in two places, off the machine that it protects.

    Gives the text. With `out`: writes a new file that its owner alone can read, and gives its path, which is a key for all other
    functions. `secret`: the bytes, or the place (`file:PATH`, `env:NAME`), of a secret from which it is always made the same;
    `label`: for which use.
    """
    if (secret is None) != (label is None):
        raise MisuseError("keygen: secret and label belong together: give both, or neither")
    arguments = [] if secret is None else [secret, label]
    return _key("keygen", out, arguments)


@overload
def write_key(key: AnyKey, domain: Optional[str] = None) -> SecretKey: ...
@overload
def write_key(key: AnyKey, domain: Optional[str] = None, *, out: PathText) -> Path: ...
def write_key(
    key: AnyKey, domain: Optional[str] = None, *, out: Optional[PathText] = None
) -> Union[SecretKey, Path]:
    """The write key of a domain (`default`): for an application that backs up one database. `out`: as in `keygen`."""
    return _key("write_key", out, _of_domain("write_key", key, domain))


@overload
def read_key(key: AnyKey, domain: Optional[str] = None) -> SecretKey: ...
@overload
def read_key(key: AnyKey, domain: Optional[str] = None, *, out: PathText) -> Path: ...
def read_key(
    key: AnyKey, domain: Optional[str] = None, *, out: Optional[PathText] = None
) -> Union[SecretKey, Path]:
    """The read key of a domain (`default`): for somebody who checks or recovers, and saves nothing. `out`: as in `keygen`."""
    return _key("read_key", out, _of_domain("read_key", key, domain))


def verify_key(key: AnyKey, domain: Optional[str] = None) -> str:
    """The verify key of a domain (`default`). It opens nothing, and is public: with it anybody can check who made a bundle, and
    `scrub` copies."""
    arguments = _of_domain("verify_key", key, domain)
    ((text,),) = call("verify_key", None, query("verify_key", arguments), arguments)
    return _text(text)


def _key(function: str, out: Optional[PathText], arguments: list[Any]) -> Union[SecretKey, Path]:
    def make() -> SecretKey:
        ((text,),) = call(function, None, query(function, arguments), arguments)
        return SecretKey(_text(text))

    return make() if out is None else write_key_file(function, path_text(function, out), make)


def _of_domain(function: str, key: AnyKey, domain: Optional[str]) -> list[Any]:
    return [key_text(function, key), *([] if domain is None else [domain])]


def _text(text: Union[str, bytes]) -> str:
    return text.decode() if isinstance(text, bytes) else text
