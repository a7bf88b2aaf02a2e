"""What is wrong with a pair of texts, told before any model is loaded; what a profile leaves out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from datasets import Dataset

from suite import Finding, column
from suite_translation.config import TranslationConfig
from suite_translation.strings.guards import loops
from suite_translation.strings.placeholders import problems

LONGEST = 10_000
"""Characters of a text: fifty times the longest string of most programs. More is a file in the wrong place."""
_MISREAD = re.compile("[ÂÃâ][\u0080-\u00bf\u2018-\u203a\u20ac\u0152-\u0178]")
"""What UTF-8 looks like when it was read as Latin-1 or Windows-1252: "Ã¤" for "ä"."""
_PROSE_RATIO = 3.0
"""Most that one text of a pair of prose is longer than the other, where the longer has over 20 characters."""
_COMMON = {
    "de": "der die das und ist nicht wird mit für ein eine werden",
    "fr": "le la les des est pas une pour dans vous sur avec",
    "es": "el los las una es no para del que con por se",
    "en": "the is of and to for this not with are be you",
}
"""Words that say which language it is; no other language is guessed."""
_LEAST = 200
"""Pairs from which on the language of a whole data set is doubted."""


def findings(rows: Dataset, config: TranslationConfig) -> Iterator[Finding]:
    """Findings on rows with source and target, and the rows that `config.cleaning` leaves out."""
    for name in ("source", "target"):
        if (kind := str(getattr(rows.features[name], "dtype", "lists"))) not in ("string", "large_string"):
            yield Finding("error", f"The column {name!r} holds {kind}, not text; give a table with a text in each row.")
            return
    sources, targets = column(rows, "source").to_pylist(), column(rows, "target").to_pylist()
    styles = column(rows, "style").to_pylist() if "style" in rows.column_names else [None] * len(rows)
    gone = set()
    if config.cleaning != "none":
        for row, (source, target, style) in enumerate(zip(sources, targets, styles, strict=True)):
            if reason := rejected(source, target, style, config.cleaning):
                gone.add(row)
                yield Finding("error", reason, row)
    kept = [row for row in range(len(sources)) if row not in gone]  # what is counted is what a training gets
    sources, targets, rows = [sources[row] for row in kept], [targets[row] for row in kept], rows.select(kept)
    counts = Counter(zip(sources, targets, strict=True))
    if again := len(sources) - len(counts):
        # Kept: they share a source, so that no split is crossed. Refused as duplicates they would stop most projects.
        yield Finding(
            "note", f"{again:,} rows repeat the source and target of another; each counts as often as it is there."
        )
    yield from _other_language(targets, rows, config)


def rejected(source: str, target: str, style: str | None, profile: str) -> str:
    """Why a pair is left out, "" if it is kept. `profile` is "ui" or "prose".

    General rules delete strings of programs ("OK", "%d%%", "Yes"): the rules on lengths, on letters and on equal texts
    are for prose only.
    """
    if not source.strip() or not target.strip():
        return "source is empty" if not source.strip() else "target is empty"
    longest = max(len(source), len(target))
    if longest > LONGEST:
        return f"a text of {longest:,} characters; {LONGEST:,} is the most, so cut it into paragraphs"
    if reason := _damaged(source) or _damaged(target):
        return reason
    if wrong := problems(source, target, style):
        return f"placeholders: {wrong[0]}"
    if loops(target) > max(4, loops(source)):
        return "target says the same over and over"
    return _not_prose(source, target) if profile == "prose" else ""


def _not_prose(source: str, target: str) -> str:
    if source.strip() == target.strip():
        return "target equals source"
    if not any(character.isalpha() for character in target):
        return "target has no letter"
    short, long = sorted((len(source), len(target)))
    if long > 20 and long > _PROSE_RATIO * short:
        return f"one text is more than {_PROSE_RATIO:g} times as long as the other"
    return ""


def _damaged(text: str) -> str:
    if "\ufffd" in text:
        return "a character was lost (U+FFFD): the file was read in the wrong encoding before"
    if match := _MISREAD.search(text):
        return f"mixed encodings: {match[0]!r} stands for {_reread(match[0])}; save the file as UTF-8 from its original"
    return ""


def _reread(text: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return repr(text.encode(encoding).decode("utf-8"))
        except UnicodeError:
            continue
    return "another character"


def _other_language(targets: list[str], rows: Dataset, config: TranslationConfig) -> Iterator[Finding]:
    own = column(rows, "language").to_pylist() if "language" in rows.column_names else [None] * len(targets)
    words: dict[str, Counter[str]] = {}
    sizes: Counter[str] = Counter()
    for target, language in zip(targets, own, strict=True):
        code = (language or config.target_language)[:2].lower()
        sizes[code] += 1
        words.setdefault(code, Counter()).update(target.lower().split())
    for code, counted in words.items():
        counts = {name: sum(counted[word] for word in common.split()) for name, common in _COMMON.items()}
        likely = max(counts, key=lambda name: counts[name])
        # Half as many again: "es" and "no" are words of several languages.
        if code in counts and sizes[code] >= _LEAST and counts[likely] > 1.5 * max(counts[code], 1):
            yield Finding("warning", f"The targets said to be {code} read like {likely}; see that language is right.")
