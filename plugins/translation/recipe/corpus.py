"""Makes the parallel corpus: `python corpus.py FOLDER` fetches the packages and writes train, dev and held-out."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import readers
from projects import HELD_OUT, LANGUAGES, PROJECTS, Project

from suite_translation.strings.placeholders import mask, mask_target

_MAX = 200
"""Characters of the longest string kept: longer ones are help pages, a few per cent that cost a third of the time."""


class Pair(NamedTuple):
    """A string and its translation; `file` is the catalogue, `context` what gettext calls so."""

    project: str
    file: str
    context: str
    source: str
    target: str
    language: str


def read(project: Project, folder: Path) -> Iterator[Pair]:
    """Every pair of a project, as its catalogues have it."""
    wanted = re.compile(project.pattern)
    tables: dict[tuple[str, str], dict[str, str]] = {}
    for package in project.packages:
        for path, content in readers.members(package.fetch(folder), wanted):
            match = wanted.search(path)
            assert match
            language = match["language"][:2]
            file = _file(match)
            if project.reader == "gettext":
                for context, source, target in readers.gettext(content, path):
                    yield Pair(project.name, file, context, source, target, language)
            else:
                tables.setdefault((file, language), {}).update(_table(project, path, content))
    yield from _joined(project.name, tables)


def _file(match: re.Match[str]) -> str:
    groups = {name: text for name, text in match.groupdict().items() if name != "language"}
    return "".join(text for name, text in sorted(groups.items()) if text and name != "file1")


def _table(project: Project, path: str, content: bytes) -> dict[str, str]:
    if project.reader == "pak":
        return readers.pak(content)
    if project.reader == "json":
        table = readers.flat(content)
        # iD's schema names the language at the top of the file.
        return {re.sub(r"^\.(de|fr|es|en)\.presets", "", key): text for key, text in table.items()}
    return readers.fluent(content) if path.endswith(".ftl") else readers.properties(content)


def _joined(project: str, tables: dict[tuple[str, str], dict[str, str]]) -> Iterator[Pair]:
    for (file, language), table in tables.items():
        english = tables.get((file, "en"), {})
        if language in LANGUAGES:
            for key, target in table.items():
                if source := english.get(key):
                    yield Pair(project, file, "", source, target, language)


_FOREIGN = re.compile("[\u0370-\u1dff\u2c00-\ud7ff\uf900-\uffef]")
"""Letters of other scripts: names of languages in themselves, and errors."""
_SPACES = re.compile(r"\s+")
_SLOT = re.compile("⟦[0-9]⟧")
_WORD = re.compile(r"[^\W\d_]{2}")
_SLOTS = 10


def clean(pair: Pair) -> Pair | None:
    """The pair with slots and without accelerators, or None if it teaches nothing or the wrong thing."""
    source, target = (_SPACES.sub(" ", text).strip() for text in (pair.source, pair.target))
    if max(len(source), len(target)) > _MAX or not target or "\n" in pair.source.strip():
        return None
    masked = mask(source)
    other = mask_target(target, masked)
    if other is None or len(masked.placeholders) > _SLOTS or not _WORD.search(_SLOT.sub("", masked.text)):
        return None
    pair = pair._replace(source=masked.text.strip(), target=other.strip())
    return pair if _plausible(pair.source, pair.target) else None


def _plausible(source: str, target: str) -> bool:
    if source == target:
        return len(source.split()) <= 2
    long, short = max(len(source), len(target)) + 12, min(len(source), len(target)) + 12
    return long / short < 2.2 and not _FOREIGN.search(source + target)


def vote(pairs: list[Pair]) -> list[Pair]:
    """One target for each source and language: the most frequent one, the first on equal votes."""
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    first: dict[tuple[str, str, str], Pair] = {}
    for pair in pairs:
        votes[pair.source, pair.language][pair.target] += 1
        first.setdefault((pair.source, pair.language, pair.target), pair)
    return [first[source, language, counts.most_common(1)[0][0]] for (source, language), counts in votes.items()]


def bucket(source: str) -> float:
    """A number in 0..1 that depends on the source alone, so that its three languages fall in one part."""
    return int(hashlib.sha256(source.casefold().encode()).hexdigest()[:8], 16) / 2**32


def main() -> None:
    """Reads every project, and writes `train.jsonl`, `dev.jsonl` and `held-out.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    held = list(read(HELD_OUT, folder / "packages"))
    _write(folder / "held-out.jsonl", held)
    taken = {_SPACES.sub(" ", pair.source).strip().casefold() for pair in held}
    taken |= {cleaned.source.casefold() for pair in held if (cleaned := clean(pair))}
    kept: list[Pair] = []
    for project in PROJECTS:
        read_in = list(read(project, folder / "packages"))
        cleaned = [new for pair in read_in if (new := clean(pair)) and new.source.casefold() not in taken]
        kept += cleaned
        counts = Counter(pair.language for pair in cleaned)
        print(f"{project.name}: {len(read_in)} read, {len(cleaned)} kept, {dict(counts)}", flush=True)
    pairs = vote(kept)
    _write(folder / "dev.jsonl", [pair for pair in pairs if bucket(pair.source) < 0.01])
    _write(folder / "train.jsonl", [pair for pair in pairs if bucket(pair.source) >= 0.01])
    print("after one target a source:", Counter(pair.language for pair in pairs), Counter(p.project for p in pairs))


def _write(path: Path, pairs: list[Pair]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for pair in pairs:
            file.write(json.dumps(pair._asdict(), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
