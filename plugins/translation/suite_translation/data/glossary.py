"""Terms that must be translated in one way: a table of source, target and language."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from suite import SuiteError, decoding
from suite_translation.config import TranslationConfig
from suite_translation.strings.languages import alike, tag

_YES, _NO = ("yes", "true", "1"), ("", "no", "false", "0")
_WORD = re.compile(r"\w+")
_LARGEST = 20_000_000
"""Bytes of a glossary: a hundred thousand terms have some 5 MB."""


@dataclass(frozen=True)
class Term:
    """One line. Without a language it holds for every one; with `case` both count only as they are written."""

    source: str
    target: str
    language: str = ""
    case: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The source as whole words, in the singular or the English plural."""
        words = r"\s+".join(re.escape(word) for word in self.source.split())
        plural = f"(?:{words}(?:e?s)?" + (f"|{words[:-1]}ies)" if words[-1:] in ("y", "Y") else ")")
        return re.compile(rf"(?<!\w){plural}(?!\w)", 0 if self.case else re.IGNORECASE)

    @cached_property
    def wanted(self) -> re.Pattern[str]:
        """The target at the beginning of a word, with an ending of up to three letters ("Datei", "Dateien")."""
        words = r"\s+".join(re.escape(word) for word in self.target.split())
        return re.compile(rf"(?<!\w){words}\w{{0,3}}(?!\w)", 0 if self.case else re.IGNORECASE)


class Hit(NamedTuple):
    """A term found in a text, from and to which character."""

    term: Term
    start: int
    end: int


class Glossary:
    """Terms, found by their words so that ten thousand cost no more than ten."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(terms)
        self._by_word: dict[str, list[Term]] = {}
        for term in self.terms:
            self._by_word.setdefault(_first_word(term.source), []).append(term)

    def __len__(self) -> int:
        return len(self.terms)

    @classmethod
    def read(cls, path: Path) -> Glossary:
        """The terms of a CSV or TSV file with the columns source and target, and perhaps language and case (yes, no).

        Raises `SuiteError` for a file that is not one, a line without a term, and a term with two targets.
        """
        return cls.of(_rows(path), path.name)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, str]], name: str = "The glossary") -> Glossary:
        """The terms of rows with source, target and perhaps language and case; `name` says in errors whose they are."""
        terms: dict[tuple[str, str], Term] = {}
        for number, row in enumerate(rows, start=1):
            term = _term(row, f"{name}, term {number}")
            key = (term.source if term.case else term.source.casefold(), term.language)
            known = terms.setdefault(key, term)
            if known.target != term.target:
                raise SuiteError(
                    f"{name} translates {term.source!r} by {known.target!r} and by {term.target!r}; keep one of them."
                )
        return cls(terms.values())

    def terms_in(self, source: str, language: str) -> list[Hit]:
        """The terms of a text in their order; of terms that overlap, the longest."""
        words = {form for word in _WORD.findall(source) for form in _singulars(word.casefold())}
        asked = [term for word in (*words, "") for term in self._by_word.get(word, ())]
        hits = [
            Hit(term, *match.span())
            for term in asked
            if alike(term.language, language)
            for match in term.pattern.finditer(source)
        ]
        taken: list[Hit] = []
        for hit in sorted(hits, key=lambda hit: (hit.start - hit.end, hit.start, not hit.term.language)):
            if all(hit.end <= other.start or hit.start >= other.end for other in taken):
                taken.append(hit)
        return sorted(taken, key=lambda hit: hit.start)

    def missing(self, source: str, target: str, language: str) -> list[Term]:
        """Terms of the source that are not in the target as often as they should be, each once."""
        asked: dict[Term, int] = {}
        for hit in self.terms_in(source, language):
            asked[hit.term] = asked.get(hit.term, 0) + 1
        return [term for term, count in asked.items() if len(term.wanted.findall(target)) < count]

    def accuracy(self, sources: Sequence[str], targets: Sequence[str], language: str) -> tuple[int, int]:
        """How many terms of the sources, each counted once a text, are in the targets as they should be, and of how
        many. Dinu et al. 2019, https://aclanthology.org/P19-1294/."""
        right = asked = 0
        for source, target in zip(sources, targets, strict=True):
            count = len({hit.term for hit in self.terms_in(source, language)})
            asked += count
            right += count - len(self.missing(source, target, language))
        return right, asked


def configured(config: TranslationConfig) -> Glossary | None:
    """The glossary that a config names, None where it names none. Raises `SuiteError` if it can't be read."""
    return Glossary.read(Path(config.glossary).expanduser()) if config.glossary else None


def _term(row: Mapping[str, str], where: str) -> Term:
    source, target = (" ".join((row.get(name) or "").split()) for name in ("source", "target"))
    case = (row.get("case") or "").strip().lower()
    if not source or not target:
        raise SuiteError(f"{where} has no {'target' if source else 'source'}; give each term both.")
    if case not in (*_YES, *_NO):
        raise SuiteError(f"{where} ({source!r}) has the case {case!r}; give yes or no.")
    return Term(source, target, tag(row.get("language") or ""), case in _YES)


def _rows(path: Path) -> list[dict[str, str]]:
    with decoding(f"The glossary {path}", "save it as a CSV or TSV file in UTF-8."):
        if path.stat().st_size > _LARGEST:
            raise SuiteError(
                f"{path.name} is larger than 20 MB; a glossary has a term a line, give one that is smaller."
            )
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max("\t;,", key=first.count), strict=True)
        lines = [line for line in reader if any(line)]
    names = [name.strip().lower() for name in lines[0]] if lines else []
    for needed in ("source", "target"):
        if needed not in names:
            known = ", ".join(names) or "none"
            raise SuiteError(f"{path.name} has no column {needed!r} (its columns: {known}); a glossary has source and "
                             "target, and perhaps language and case.")  # fmt: skip
    return [dict(zip(names, line, strict=False)) for line in lines[1:]]


def _first_word(text: str) -> str:
    match = _WORD.search(text)
    return match[0].casefold() if match else ""


def _singulars(word: str) -> set[str]:
    """What a word may be the plural of, itself included."""
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    return forms | {word.removesuffix("ies") + "y"} if word.endswith("ies") else forms
