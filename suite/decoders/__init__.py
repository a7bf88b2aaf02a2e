"""The one boundary round every decoder of other people's files: what it raises becomes one sentence about that file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite.errors import SuiteError

Kind = type | tuple[type, ...]
MEND = "it may be damaged or cut short: get it anew."
_SHOWN = 240
"""Characters of a decoder's own words that a sentence quotes: some print the whole file."""


@contextmanager
def decoding(what: str | Path, mend: str = MEND) -> Iterator[None]:
    """Inside, whatever a decoder raises becomes a `SuiteError`: "`what` cannot be read (the reason); `mend`".

    Libraries raise what their authors did not foresee, so a list of exceptions is never whole. `MemoryError` is among
    them: a decoder asks for one large piece because a number in the file says so, and holds nothing of it afterwards.
    What says something of the program and not of the file goes through: Ctrl-C, the end of the process or of a
    generator, and a `SuiteError`, which is a sentence already. The cause is kept, and `SUITE_STRICT=1` shows it, so
    that a fault of ours inside is not hidden from who looks for it.
    """
    try:
        yield
    except SuiteError:
        raise
    except BaseException as error:
        # Decoders in Rust (tokenizers, safetensors) panic by an exception that is no `Exception`.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise SuiteError(f"{what} cannot be read ({reason(error)}); {mend}") from error


def reason(error: BaseException) -> str:
    """What an exception says, on one line, without its full stop."""
    if isinstance(error, MemoryError):
        return "it takes more memory than there is"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding.upper()}: byte {error.object[error.start]:#04x} at place {error.start}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = " ".join(str(error).split()).rstrip(".:")[:_SHOWN]
    if isinstance(error, LookupError | AssertionError) or not said:
        said = f"{type(error).__name__} {said}".strip()  # a key or number alone would say nothing
    return said


def read_json(path: Path, mend: str = MEND, *, fields: Mapping[str, Kind] | None = None) -> dict[str, Any]:
    """The object in a JSON file. Raises `SuiteError` where there is none, or a field of `fields` is of another kind."""
    if path.exists() and not path.is_file():  # a pipe may never end
        raise SuiteError(f"{path} is no file; {mend}")
    with decoding(path, mend):
        value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise SuiteError(f"{path} holds no JSON object with named values; {mend}")
    for name, kind in (fields or {}).items():
        if not isinstance(value.get(name), kind) or isinstance(value[name], bool):
            raise SuiteError(f"{path} says no {name!r} that can be used; {mend}")
    return value


def check_name(reference: str) -> None:
    """Raises `SuiteError` for a file's name that is no UTF-8: it can be opened, and written into no file of a run."""
    try:
        reference.encode("utf-8")
    except UnicodeEncodeError:
        raise SuiteError(f"The file name {reference!a} is not UTF-8; rename the file.") from None
