"""Reads pairs of strings out of packages: archives, gettext, JSON, Fluent and properties, Chromium's paks."""

from __future__ import annotations

import io
import json
import re
import struct
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import polib

Strings = dict[str, str]
"""Key to text of one catalogue in one language."""

_NESTED = (".ja", ".xpi")
"""Mozilla's archives inside the package."""


def members(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Path and content of each file in a wheel, npm or Debian package, or in an archive inside, that matches."""
    entries = _zipped(archive) if archive.suffix == ".whl" else _tarred(archive)
    for name, read in entries:
        if name.endswith(_NESTED):
            for path, inner in _zipped(io.BytesIO(read())):
                if wanted.search(path):
                    yield path, inner()
        elif wanted.search(name):
            yield name, read()


def _zipped(file: Path | io.BytesIO) -> Iterator[tuple[str, Callable[[], bytes]]]:
    with zipfile.ZipFile(file) as opened:
        for name in opened.namelist():
            yield name, partial(opened.read, name)


def _tarred(archive: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    content = archive.read_bytes()
    if archive.suffix == ".deb":
        content = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        for entry in opened:
            # A link may point into another package, and no catalogue is one.
            if entry.isfile() and (file := opened.extractfile(entry)):
                yield entry.name, file.read


def gettext(content: bytes, name: str) -> list[tuple[str, str, str]]:
    """Context, source and target of each finished entry of a PO or MO file; singular and plural are two."""
    pairs = []
    for entry in _catalogue(content, name):
        if entry.obsolete or "fuzzy" in entry.flags:
            continue
        context = entry.msgctxt or ""
        if entry.msgid_plural:
            pairs += [(context, entry.msgid, entry.msgstr_plural.get(0, ""))]
            pairs += [(context, entry.msgid_plural, entry.msgstr_plural.get(1, ""))]
        else:
            pairs += [(context, entry.msgid, entry.msgstr)]
    return pairs


def _catalogue(content: bytes, name: str) -> polib.POFile | polib.MOFile:
    if name.endswith(".po"):
        return polib.pofile(content.decode("utf-8"))
    with tempfile.NamedTemporaryFile(suffix=".mo") as file:  # polib reads MO files from disk alone
        file.write(content)
        file.flush()
        return polib.mofile(file.name)


def flat(content: bytes) -> Strings:
    """The texts of a nested JSON file under their dotted keys; lists of search terms are left out."""
    texts: Strings = {}

    def walk(node: object, key: str) -> None:
        if isinstance(node, dict):
            for name, child in node.items():
                if name not in {"terms", "aliases"}:
                    walk(child, f"{key}.{name}")
        elif isinstance(node, str):
            texts[key] = node

    walk(json.loads(content), "")
    return texts


_FLUENT = re.compile(r"^( *\.|-?)([A-Za-z][\w-]*) *= *(.*)$")


def fluent(content: bytes) -> Strings:
    """Messages and attributes of a Fluent file that have no selector, joined over their continued lines."""
    texts: Strings = {}
    message = key = ""
    for line in content.decode("utf-8").splitlines():
        if match := _FLUENT.match(line):
            attribute, name, text = match.groups()
            message = message if attribute.strip() == "." else name
            key = f"{message}.{name}" if attribute.strip() == "." else f"{attribute}{name}"
            texts[key] = text
        elif key and line.startswith(" ") and line.strip():
            texts[key] = f"{texts[key]} {line.strip()}".strip()
        elif line.startswith("#"):
            key = ""
    return {key: text for key, text in texts.items() if "->" not in text and not key.endswith("key")}


def properties(content: bytes) -> Strings:
    """The lines `key=value` of a Java properties file."""
    lines = re.sub(r"\\\r?\n\s*", "", content.decode("utf-8")).splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith(("#", "!")))
    return {key.strip(): value.strip() for key, value in pairs if not key.strip().lower().endswith("key")}


def pak(content: bytes) -> Strings:
    """The texts of a Chromium data pack, version 5, under their resource numbers.

    https://source.chromium.org/chromium/chromium/src/+/main:ui/base/resource/data_pack.cc
    """
    version, encoding, count, _aliases = struct.unpack_from("<IB3xHH", content)
    if (version, encoding) != (5, 1):
        raise ValueError(f"a data pack of version {version} and encoding {encoding} instead of 5 and 1 (UTF-8)")
    table = [struct.unpack_from("<HI", content, 12 + 6 * i) for i in range(count + 1)]
    texts: Strings = {}
    for (number, start), (_next, stop) in pairwise(table):
        try:
            texts[str(number)] = content[start:stop].decode("utf-8")
        except UnicodeDecodeError:
            continue
    return texts
