"""Translates a file of strings: finished translations stay, known ones are used again, a model does the rest.

Whatever the model says, no target with a broken placeholder is written: such a segment keeps its source, is marked
fuzzy, and its comment says why.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from suite import Corrections, Prediction, SuiteError, bar
from suite_translation import formats
from suite_translation.data.glossary import Glossary
from suite_translation.formats import Document, Segment
from suite_translation.formats.naming import partial
from suite_translation.localize import review
from suite_translation.localize.memory import Match, Memory
from suite_translation.strings import lengths, placeholders
from suite_translation.strings.languages import alike

THRESHOLD = 0.75
"""How alike a source must be for its translation to be suggested: the usual floor of translation tools."""
CERTAIN = 0.95
"""How alike a source must be for its translation to be preferred to one that nothing speaks against: numbers,
placeholders or a letter of a long sentence differ, not a word."""
CHUNK = 64
"""Texts the model is asked for at once; as many are lost at most when somebody stops it."""
_UNSAVED = "No translation kept its placeholders"

Origin = Literal["kept", "memory", "model", "source", "person"]
"""Who a translation is from: finished before, a memory, the model, nobody, somebody at the demo's page."""
Ask = Callable[[Sequence[Mapping[str, Any]]], list[Prediction]]
"""A `Predictor`, or what answers like one."""


@dataclass(frozen=True)
class Outcome:
    """What a segment gets. `confidence` is the model's or, of a suggestion, how alike the sources are; 0 to 1."""

    target: str
    origin: Origin
    confidence: float = 1.0
    why: tuple[str, ...] = ()
    """Why somebody should look at it; nobody need where it is empty."""

    @property
    def fuzzy(self) -> bool:
        """Whether it is to be marked."""
        return bool(self.why)


@dataclass
class Report:
    """What became of a file's segments; `fuzzy` counts them by the reason."""

    file: str
    output: str = ""
    segments: int = 0
    kept: int = 0
    memory: int = 0
    model: int = 0
    source: int = 0
    fuzzy: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    """Finished translations whose placeholders are wrong, left as they were."""
    seconds: float = 0.0
    stopped: bool = False
    marked: bool = True
    """Whether the format can mark what is fuzzy."""
    left: bool = False
    """Whether what is fuzzy was left untranslated, as asked."""
    review: str = ""
    """The list of what is fuzzy, where the format cannot mark it."""
    others: list[str] = field(default_factory=list)
    """Languages of parts of the file that are left as they are, as "en into fr"."""
    doubts: list[dict[str, Any]] = field(default_factory=list)
    """Each fuzzy segment: key, source, target, confidence, why."""

    def add(self, segment: Segment, outcome: Outcome) -> None:
        """Counts a segment."""
        origin = "source" if outcome.fuzzy and self.left else outcome.origin
        setattr(self, origin, getattr(self, origin) + 1)
        if outcome.fuzzy:
            reason = kind(outcome.why[0])
            self.fuzzy[reason] = self.fuzzy.get(reason, 0) + 1
            doubt = {"key": segment.key, "source": segment.source, "target": outcome.target}
            self.doubts.append({**doubt, "confidence": round(outcome.confidence, 4), "why": " ".join(outcome.why)})
        elif origin == "kept" and placeholders.problems(segment.source, outcome.target, segment.style):
            self.broken += 1


class Localizer:
    """Answers segments from what is known, and else from a model.

    First come finished translations of the document, then `corrections`, then those of an `earlier` output by key,
    then the memories, the first of them first.

    An equal source's translation is taken as it is, and marked where it lacks a term of the `glossary`. A suggestion,
    from a source that is alike, is taken where something speaks against the model's answer, or where the sources are
    `CERTAIN` and more alike than the model is confident; it is always marked.
    """

    def __init__(
        self,
        ask: Ask,
        memories: Sequence[Memory] = (),
        *,
        corrections: Memory | None = None,
        earlier: Mapping[str, str] | None = None,
        glossary: Glossary | None = None,
        chunk: int = CHUNK,
    ) -> None:
        self.ask, self.chunk, self.glossary = ask, chunk, glossary
        self.corrections, self.earlier = corrections or Memory(), earlier or {}
        self.memories = [self.corrections, *memories]

    def outcomes(self, segments: Iterable[Segment], language: str) -> Iterator[tuple[Segment, Outcome]]:
        """Each segment that is to be translated with what it gets; the model's come last, and equal texts together.

        Raises `SuiteError` where the model knows no such language.
        """
        asked: dict[tuple[str, str | None, int | None], list[Segment]] = {}
        for segment in segments:
            if not segment.translate or not segment.source.strip():
                continue
            known = self._known(segment, language)
            if known is not None:
                yield segment, known
            else:
                asked.setdefault((segment.source, segment.style, segment.max_length), []).append(segment)
        # Alike lengths side by side: less padding.
        pending = iter(sorted(asked.items(), key=lambda item: len(item[0][0])))
        while chunk := list(islice(pending, self.chunk)):
            examples = [
                {"source": source, "language": language, "style": style, "max_length": widest}
                for (source, style, widest), _ in chunk
            ]
            for (_, twins), prediction in zip(chunk, self.ask(examples), strict=True):
                outcome = self._answered(twins[0], prediction, language)
                yield from ((segment, outcome) for segment in twins)

    def _known(self, segment: Segment, language: str) -> Outcome | None:
        if segment.target and not segment.fuzzy:
            return Outcome(segment.target, "kept")
        corrected, *known = [memory.exact(segment.source, language, segment.context) for memory in self.memories]
        earlier = self.earlier.get(segment.key)
        for target in (corrected, earlier, *known):
            if target is not None and _usable(segment, target):
                if target is earlier:
                    return Outcome(target, "kept")
                return Outcome(target, "memory", why=self._lacking(segment, target, language))
        return None

    def _lacking(self, segment: Segment, target: str, language: str) -> tuple[str, ...]:
        """What the glossary says of a translation from a memory."""
        terms = self.glossary.missing(segment.source, target, language) if self.glossary else []
        return tuple(f"The glossary's {term.target!r} is missing." for term in terms[:1])

    def _answered(self, segment: Segment, prediction: Prediction, language: str) -> Outcome:
        target, confidence, why = prediction["translation"], prediction["confidence"], tuple(prediction["why"])
        saved = bool(target.strip()) and not placeholders.problems(segment.source, target, segment.style)
        if not saved:
            target, confidence, why = segment.source, 0.0, (*why, f"{_UNSAVED}, so it keeps its source.")
        elif prediction["fuzzy"] and not why:
            why = ("The model is not sure of it.",)
        match = self._suggestion(segment, language)
        if match and (why or match.similarity >= max(CERTAIN, confidence)):
            reasons = (suggested(match), *self._lacking(segment, match.target, language))
            return Outcome(match.target, "memory", match.similarity, reasons)
        wide = lengths.too_wide(target, segment.max_length)
        why = (*why, wide) if wide and wide not in why else why
        return Outcome(
            target, "model" if saved and (target != segment.source or not why) else "source", confidence, why
        )

    def _suggestion(self, segment: Segment, language: str) -> Match | None:
        matches = [memory.fuzzy(segment.source, language, THRESHOLD, style=segment.style) for memory in self.memories]
        usable = [match for match in matches if match and _usable(segment, match.target)]
        return max(usable, key=lambda match: match.similarity, default=None)


def suggested(match: Match) -> str:
    """Why a suggestion is to be looked at."""
    if match.similarity == 1:
        return f"The memory has several translations of it: {match.source!r}."
    return f"The memory's source is {100 * match.similarity:.0f} % alike: {match.source!r}."


def kind(why: str) -> str:
    """A reason without what it quotes or counts, so that alike ones can be counted.

    >>> kind("The memory's source is 83 % alike: 'Save it'."), kind("The glossary's 'Datei' is missing.")
    ("The memory's source is n % alike", "The glossary's … is missing")
    """
    head = re.sub(r"'[^']*'(?!\w)", "…", why.partition(": ")[0])
    return re.sub(r"\d[\d,.]*", "n", head).rstrip(". ")


def _usable(segment: Segment, target: str) -> bool:
    """Whether a known translation may be written for this segment."""
    broken = placeholders.problems(segment.source, target, segment.style)
    return not broken and not lengths.too_wide(target, segment.max_length)


def localize(
    path: Path,
    output: Path,
    ask: Ask,
    *,
    language: str,
    source_language: str = "en",
    corrections: Memory | None = None,
    glossary: Glossary | None = None,
    shared: Sequence[Memory] = (),
    only_sure: bool = False,
) -> Report:
    """Translates a file into a new one; of an output that exists, the finished translations are kept.

    Where the format cannot mark what is doubtful, a list beside the output names it (see `review`); with `only_sure`
    it is left untranslated there. Ctrl-C writes what is there to a file beside the output: the report says `stopped`
    and which, and the next call goes on from it. Raises `SuiteError` for a file that can't be read or written, and for
    one of other languages.
    """
    began = time.monotonic()
    document = formats.read_document(path, language)
    refuse(document, path.name, language, source_language)
    memories, earlier = _known(document, _older(path, output, language), _doubted(output), language)
    localizer = Localizer(ask, [*memories, *shared], corrections=corrections, earlier=earlier, glossary=glossary)
    report, answers = _answers(document, localizer, language, only_sure=only_sure)
    _write(document, answers, report, output, language)
    report.seconds = time.monotonic() - began
    return report


def _older(path: Path, output: Path, language: str) -> list[Document]:
    """What earlier calls wrote of `path`: whole, and as far as they came."""
    written = [file for file in (output, partial(output)) if file.is_file() and file.resolve() != path.resolve()]
    return [formats.read_document(file, language) for file in written]


def _doubted(output: Path) -> dict[str, str]:
    """The translations, by key, that earlier calls listed for a person to look at."""
    return {**review.read(output), **review.read(partial(output))}


def _known(
    document: Document, older: Sequence[Document], doubted: Mapping[str, str], language: str
) -> tuple[list[Memory], dict[str, str]]:
    """Memories of the documents, and what is finished by key; what is listed and as it was counts as fuzzy."""
    for each in (document, *older):
        each.segments = [
            replace(segment, fuzzy=True) if segment.target and doubted.get(segment.key) == segment.target else segment
            for segment in each.segments
        ]
    read = [each for each in (document, *older) if not each.in_place or each is document]
    earlier = {key: text for key, text in _earlier(document, older, language).items() if doubted.get(key) != text}
    return [Memory.of_document(each, language) for each in read], earlier


def _answers(
    document: Document, localizer: Localizer, language: str, *, only_sure: bool
) -> tuple[Report, dict[str, formats.Answer]]:
    """What is to be written by key, and what became of the segments, as far as Ctrl-C let it come."""
    todo = [segment for segment in document.segments if segment.translate and segment.source.strip()]
    answers: dict[str, formats.Answer] = {}
    report = Report(str(document.path), segments=len(todo), marked=document.shows_fuzzy, others=list(document.others))
    report.left = only_sure and not document.shows_fuzzy
    try:
        outcomes = localizer.outcomes(todo, language)
        for segment, outcome in bar(outcomes, description=document.path.name, total=len(todo), unit="segment"):
            report.add(segment, outcome)
            if outcome.origin != "kept" or outcome.target != segment.target or segment.fuzzy:
                target = segment.source if outcome.fuzzy and report.left else outcome.target
                answers[segment.key] = formats.Answer(target, outcome.fuzzy, " ".join(outcome.why))
    except KeyboardInterrupt:
        report.stopped = True
    return report, answers


def _write(
    document: Document, answers: Mapping[str, formats.Answer], report: Report, output: Path, language: str
) -> None:
    """Writes the document to `output`, or to its part where the work was stopped; first the list, if there is one."""
    rest = partial(output)
    path = rest if report.stopped else output
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SuiteError(f"The folder {path.parent} cannot be made: {error.strerror}.") from None
    if not report.marked:
        report.review = review.write(path, report.doubts, left=report.left)
    document.write(path, answers, language=language, overwrite=True)
    if not report.stopped and document.path != rest:  # all of it is in the output
        rest.unlink(missing_ok=True)
        review.beside(rest).unlink(missing_ok=True)
    report.output = str(path)


def _earlier(document: Document, older: Sequence[Document], language: str) -> dict[str, str]:
    """The finished translations, by key, of files written from the document before, the last one's first."""
    fitting = [each for each in older if each.in_place or alike(each.target_language or "", language)]
    return {key: target for each in fitting for key, target in document.recalled(each).items()}


def refuse(document: Document, name: str, language: str, source_language: str) -> None:
    """Raises `SuiteError` for a document of another source language, or with translations into another language."""
    source, target = document.source_language or "", document.target_language or ""
    if not alike(source, source_language):
        raise SuiteError(
            f"{name} is in {source}, and the model is asked to translate from {source_language}; with a model that "
            f"knows {source}, say --set source_language={source}."
        )
    if not alike(target, language) and any(segment.target for segment in document.segments):
        raise SuiteError(f"{name} holds translations into {target}, not {language}; give the file they were made from.")


def corrected(domain: str, runs: Path) -> Memory:
    """What people corrected in the demo."""
    return Memory.of({**correction.row, **correction.after} for correction in Corrections(domain, runs).read())


def render(reports: Sequence[Report]) -> str:
    """Reports as lines for a terminal."""
    return "\n".join(line for report in reports for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.output}: {report.segments:,} segments in {report.seconds:.1f} s"
    counts = {
        "kept as they were": report.kept,
        "from memory": report.memory,
        "translated": report.model,
        "left in the source language": report.source,
        f"to be looked at, {_place(report)}": sum(report.fuzzy.values()),
    }
    yield from (f"{count:>8,}  {what}" for what, count in counts.items() if count)
    yield from (f"{count:>10,}  {reason}" for reason, count in Counter(report.fuzzy).most_common())
    if report.source and not report.marked:
        yield f"{'':10}  what is left in the source language counts as not translated: the next call asks for it again"
    if report.broken:
        yield f"{report.broken:>8,}  kept as they were have wrong placeholders: mend them by hand"
    if report.others:
        yield f"{'':10}its parts from {' and '.join(report.others)} are left as they are"


def _place(report: Report) -> str:
    """Where a person finds what is to be looked at."""
    if report.marked:
        return "marked fuzzy"
    return f"{'left untranslated' if report.left else 'written all the same'} and listed in {report.review}"
