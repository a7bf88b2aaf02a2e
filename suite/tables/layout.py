"""How a CSV or TSV file is written: encoding, delimiter, quotes; told by the file itself."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from suite.errors import SuiteError

_PLAIN = ("utf-8-sig", "utf-16")
"""Encodings that are certain; what is read in another may have been meant otherwise, and is told."""
_HEAD = 1 << 16
"""Bytes looked at to tell text from other files and to find the delimiter."""
_FIELD = r'(?:"(?:[^"]|"")*"|[^"\t][^\t]*)?'
_QUOTED_LINE = re.compile(rf"{_FIELD}(?:\t{_FIELD})*")
"""A line of a tab-separated file whose quotes, if any, enclose whole fields."""


@dataclass(frozen=True)
class Layout:
    """How a table is written: its encoding, what parts its fields, and whether quotes enclose fields."""

    encoding: str
    delimiter: str
    quoted: bool
    names: list[str]
    """The header's fields."""

    @property
    def certain(self) -> bool:
        """Whether the encoding is what the file says, and no guess."""
        return self.encoding in _PLAIN


def layout(path: Path) -> Layout:
    """How the CSV or TSV file is written, told by the file itself."""
    encoding = _encoding(path)
    head = _head(path).decode(encoding, errors="replace")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(head)
    quoted = not (delimiter == "\t" and _has_stray_quotes(path, encoding))
    return Layout(encoding, delimiter, quoted, next(iter(_records(head, delimiter)), []))


def _head(path: Path) -> bytes:
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    if not head.strip():
        raise SuiteError(f"{path} is empty.")
    if b"\0" in head and head[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise SuiteError(f"{path} is not a text file, whatever its ending says; give CSV, or name it as what it is.")
    return head


def _encoding(path: Path) -> str:
    """UTF-8 (with or without byte order mark) if the whole file is; else what Windows writes."""
    with path.open("rb") as opened:
        marked = opened.read(2) in (b"\xff\xfe", b"\xfe\xff")
    if marked:
        return "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        with suppress(UnicodeDecodeError), path.open(encoding=encoding, newline="") as opened:
            while opened.read(_HEAD):
                pass
            return encoding
    return "latin-1"


def _delimiter(head: str) -> str:
    """The one that parts the first records into the most fields, as many in each; else the header's most frequent."""
    best, most = max(",\t;|", key=head.partition("\n")[0].count), 1
    for delimiter in ",\t;|":
        counts = {len(record) for record in _records(head, delimiter)}
        if len(counts) == 1 and max(counts) > most:
            best, most = delimiter, max(counts)
    return best


def _records(head: str, delimiter: str) -> list[list[str]]:
    """The first records, header included; the last is left out if the head may end within it."""
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    records = [record for record in islice(reader, 20) if record]
    return records[:-1] if len(records) > 1 and len(head) >= _HEAD // 4 else records


def _has_stray_quotes(path: Path, encoding: str) -> bool:
    """Whether quotes in a tab-separated file are plain characters, as corpora of recordings have them."""
    with path.open(encoding=encoding, newline="") as opened:
        return any('"' in line and not _QUOTED_LINE.fullmatch(line.rstrip("\r\n")) for line in opened)
