"""Keys, stores and bundles, as they are given to the extension."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Optional, Union

from ._arguments import PREFIXES, Key, compact, kind_of, option_text, path_of
from ._errors import MisuseError

#: A path.
PathText = Union[str, "os.PathLike[str]"]

#: A key, or several places where it may lie: the first that can be read counts.
AnyKey = Union[Key, Sequence[Key]]

#: A store: `dir:PATH` or a `Path`, a directory; `volume:LABEL`; `s3://BUCKET/PREFIX`. Several: copies. Or `file:CONFIG.json`.
Stores = Union[PathText, Iterable[PathText]]

#: Stores; or the path of a bundle, those of a chain, or the bytes of a bundle.
Source = Union[Stores, bytes, bytearray, memoryview]

_FORMS = "give a Path of its file, or 'file:PATH', or 'env:NAME', or the text that keygen() made"
_BEGINNINGS = ("dir:", "volume:", "s3:", "file:", "[")


def key_text(function: str, key: object, what: str = "key") -> str:
    """A key in one of its forms in SQL."""
    if isinstance(key, (list, tuple)):
        return json.dumps([key_text(function, place, what) for place in key])
    if isinstance(key, os.PathLike):
        path = os.fspath(key)
        if isinstance(path, str):
            return f"file:{path}"
    if not isinstance(key, str):
        raise MisuseError(f"{function}: the {what} is {kind_of(key)}; {_FORMS}")
    # A subclass may be none of SQLite's types.
    return str.__str__(key)


def stores_text(function: str, stores: object) -> str:
    """Stores in their form in SQL."""
    if isinstance(stores, (str, os.PathLike)):
        return _store(function, stores)
    if isinstance(stores, (bytes, bytearray)) or not isinstance(stores, Iterable):
        raise MisuseError(f"{function}: the stores are {kind_of(stores)}; give 'dir:PATH', a Path, or a list of them")
    return json.dumps([_store(function, store) for store in stores])


def _store(function: str, store: object) -> str:
    if isinstance(store, os.PathLike):
        path = os.fspath(store)
        if isinstance(path, str):
            _refuse_key(function, path)
            if os.path.isfile(path):
                raise MisuseError(
                    f"{function}: '{path}' is a file, and a Path is a directory of copies; for a configuration write 'file:PATH'"
                )
            return f"dir:{path}"
    if not isinstance(store, str):
        raise MisuseError(f"{function}: a store is {kind_of(store)}; give 'dir:PATH' or a Path of a directory, or 's3://…'")
    _refuse_key(function, store)
    return str.__str__(store)


def _refuse_key(function: str, text: str) -> None:
    for prefix, stands in PREFIXES.items():
        if prefix in compact(text):
            raise MisuseError(f"{function}: {stands} stands where a store belongs; look at the order of the arguments")


def source_value(function: str, source: object, selector: Optional[str]) -> Union[str, bytes]:
    """What is restored, in its form in SQL."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        if selector is not None:
            raise MisuseError(f"{function}: seq, state and at choose a save in stores, and this is a bundle; leave them out")
        return bytes(source)
    if isinstance(source, (str, os.PathLike)):
        if selector is not None and isinstance(source, os.PathLike) and os.path.isfile(source):
            raise MisuseError(
                f"{function}: seq, state and at choose a save in stores, and '{source}' is a bundle; leave them out"
            )
        return _part(function, source) + (selector or "")
    if not isinstance(source, Iterable):
        raise MisuseError(f"{function}: the source is {kind_of(source)}; give stores, or the path of a bundle")
    return json.dumps([_part(function, part) + (selector or "") for part in source])


def _part(function: str, part: object) -> str:
    if isinstance(part, os.PathLike) and os.path.isfile(part):
        path = os.fspath(part)
        _refuse_key(function, path)
        return os.path.join(".", path) if path.startswith(_BEGINNINGS) else path
    return _store(function, part)


def selector_of(function: str, seq: object, state: object, at: object) -> Optional[str]:
    """The selector behind the names of stores."""
    given = [(name, value) for name, value in (("seq", seq), ("state", state), ("at", at)) if value is not None]
    if len(given) > 1:
        raise MisuseError(f"{function}: seq, state and at exclude one another: give one")
    for name, value in given:
        if name == "seq":
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise MisuseError(f"{function}: seq is the number of a save: 1, 2, ...")
            return f"#seq={value}"
        text = option_text(value, name)
        return f"#{name}={''.join((text or '').split()) if name == 'state' else text}"
    return None


def path_text(function: str, path: PathText, what: str = "the file to write") -> str:
    """A path in its form in SQL."""
    try:
        return path_of(path, what)
    except MisuseError as error:
        raise MisuseError(f"{function}: {error.message}") from None
