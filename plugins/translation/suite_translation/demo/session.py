"""What the demo's handlers share: texts and files being translated, what was put right, and files to take away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import Corrections, SuiteError
from suite.demo import Downloads, Held, Markup, code, join, store_correction, stored
from suite_translation import formats
from suite_translation.demo import cards
from suite_translation.formats import Answer, Document, Segment
from suite_translation.formats.naming import named
from suite_translation.localize import run as localize
from suite_translation.localize.memory import Memory
from suite_translation.localize.run import Localizer, Outcome
from suite_translation.strings import placeholders, sentences
from suite_translation.strings.languages import name_of
from suite_translation.strings.placeholders import SLOT

if TYPE_CHECKING:
    from suite import Predictor
    from suite_translation.model.model import TranslationModel

MOST = 200
"""Segments translated in the page: a minute's work of the starter on a core; the command takes files of any length."""
LONGEST = 5_000
"""Characters of a typed text, some two pages."""
LARGEST = 4_000_000
"""Bytes of an uploaded file: the largest catalogues of desktops have 3 MB."""
CHUNK = 8
"""Segments between two looks of the page at what is there."""
HELD = 16
"""Texts and files kept at once: a file of the largest is read into some 50 MB."""
GONE = "This text is no longer held here; translate it again. What you corrected is stored."
PICK = "Pick a segment first."


@dataclass
class Sheet:
    """What is being translated: a file's document, or a text as sentences with the gaps between them."""

    name: str
    language: str
    segments: list[Segment]
    document: Document | None = None
    pieces: Sequence[sentences.Piece] = ()
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def shown(self) -> list[Segment]:
        """The segments on the page."""
        return self.segments[:MOST]

    def text(self) -> str:
        """The translation of a text, its white space kept."""
        targets = {key: outcome.target for key, outcome in self.outcomes.items()}
        return sentences.join(self.pieces, [targets.get(str(n), piece.text) for n, piece in enumerate(self.pieces)])

    def write(self, folder: Path, source_language: str) -> Path:
        """The file to take away, in `folder`: a document keeps all but the targets."""
        if self.document is None:
            path = folder / f"translation.{self.language}.txt"
            path.write_text(self.text(), encoding="utf-8")
            return path
        path = folder / named(Path(self.name), self.language, source_language).name
        answers = {
            key: Answer(outcome.target, outcome.fuzzy, " ".join(outcome.why))
            for key, outcome in self.outcomes.items()
            if outcome.origin != "kept"
        }
        self.document.write(path, answers, language=self.language)
        return path


class DemoSession:
    """What the handlers share: who answers, what is being translated by name, and a folder for downloads."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._sheets: Held[Sheet] = Held(HELD, gone=GONE)
        self._downloads = Downloads("suite-translation-")

    @property
    def model(self) -> TranslationModel:
        """The model, loaded."""
        model: Any = self.predictor.model
        return model

    @property
    def corrections(self) -> Corrections:
        """Where corrections go: below the folder of runs."""
        return Corrections(self.predictor.task.domain.name, self.predictor.task.config.output)

    def sheet(self, name: str) -> Sheet:
        """The sheet of that name. Raises `SuiteError` for one that is no longer kept."""
        if not name:
            raise SuiteError("Translate a text or a file first.")
        return self._sheets[name]

    def open_text(self, text: str, language: str) -> str:
        """The name of a new sheet of a text's sentences. Raises `SuiteError` where there is nothing, or too much."""
        if not text or not text.strip():
            raise SuiteError("There is nothing to translate yet: write a text first.")
        if len(text) > LONGEST:
            raise SuiteError(
                f"The text has {len(text):,} characters and the page takes {LONGEST:,}; give it as a file."
            )
        pieces = sentences.split(text)
        segments = [Segment(str(number), piece.text) for number, piece in enumerate(pieces) if piece.text]
        return self._sheets.keep(Sheet("text", language, segments, pieces=pieces))

    def open_file(self, path: str | None, language: str) -> str:
        """The name of a new sheet of a file's segments. Raises `SuiteError` for a file that can't be translated."""
        if not path:
            raise SuiteError(f"Choose a file first; it may end in {', '.join(formats.FORMATS)}.")
        file = Path(path)
        if file.stat().st_size > LARGEST:
            raise SuiteError(
                f"{file.name} has more than 4 MB; translate it with: suite translation localize {file.name}"
            )
        document = formats.read_document(file, language)
        localize.refuse(document, file.name, language, self.model.config.source_language)
        segments = [segment for segment in document.segments if segment.translate and segment.source.strip()]
        if not segments:
            raise SuiteError(f"{file.name} holds no text to translate.")
        return self._sheets.keep(Sheet(file.name, language, segments, document))

    def work(self, name: str) -> Iterator[None]:
        """Translates what is shown; the sheet has something new at each step."""
        sheet = self.sheet(name)
        task = self.predictor.task
        corrected = localize.corrected(task.domain.name, task.config.output)
        own = Memory.of_document(sheet.document, sheet.language) if sheet.document else Memory()
        glossary = self.model.glossary
        localizer = Localizer(self.predictor, [own], corrections=corrected, glossary=glossary, chunk=CHUNK)
        outcomes = localizer.outcomes(sheet.shown, sheet.language)
        for number, (segment, outcome) in enumerate(outcomes, start=1):
            sheet.outcomes[segment.key] = outcome
            if number % CHUNK == 0:
                yield
        yield

    def place(self, name: str, place: int) -> tuple[Sheet, Segment]:
        """The segment at a place of the list. Raises `SuiteError` where there is none, or it waits for its turn."""
        sheet = self.sheet(name)
        if not 0 <= place < len(sheet.shown) or sheet.shown[place].key not in sheet.outcomes:
            raise SuiteError(PICK)
        return sheet, sheet.shown[place]

    def detail(self, name: str, place: int) -> tuple[Markup, str]:
        """A segment with its words linked, and its translation."""
        sheet, segment = self.place(name, place)
        target = sheet.outcomes[segment.key].target
        links = linked(self.model, segment, target, sheet.language)
        return cards.detail(segment, target, links, sheet.language), target

    def keep(self, name: str, place: int, target: str) -> Markup:
        """Stores what somebody says the translation is; a box that says so.

        Raises `SuiteError` for one that is empty or whose placeholders are not those of the source.
        """
        sheet, segment = self.place(name, place)
        if not target.strip():
            raise SuiteError("The translation is empty; write one.")
        if broken := placeholders.problems(segment.source, target, segment.style):
            raise SuiteError(f"Not kept: {broken[0]}")
        row = {"source": segment.source, "language": sheet.language}
        row |= {"context": segment.context or "", "style": segment.style or ""}
        before, after = {"target": sheet.outcomes[segment.key].target}, {"target": target}
        count = store_correction(self.predictor, row, source=sheet.name, before=before, after=after)
        sheet.outcomes[segment.key] = Outcome(target, "person")
        more = ["Equal texts get it from now on, here and in ", code("suite translation localize"), ". "]
        return stored(self.predictor, "Kept.", count, join(more))

    def page(self, name: str, place: int = -1) -> Markup:
        """The list; the segment at `place` is the open one."""
        sheet = self.sheet(name)
        picked = sheet.shown[place].key if 0 <= place < len(sheet.shown) else ""
        more = len(sheet.segments) - len(sheet.shown)
        return cards.page(sheet.shown, sheet.outcomes, sheet.language, more=more, picked=picked)

    def file(self, name: str) -> str:
        """The path of the file to take away, as it is now; it stays an hour."""
        spoken = self.predictor.task.config.source_language
        return str(self.sheet(name).write(self._downloads.folder(), spoken))


def linked(model: TranslationModel, segment: Segment, target: str, language: str) -> list[tuple[str, str, float]]:
    """For each word of the target the word of the source it came from and how sure that is, placeholders in place.

    Empty where the target's placeholders are not the source's, or nothing has words.
    """
    masked = placeholders.mask(segment.source, segment.style)
    slotted = placeholders.mask_target(target, masked)
    if slotted is None or not any(map(str.isalpha, SLOT.sub("", slotted))):
        return []
    links = model.align(masked.text, language, slotted)

    def filled(word: str) -> str:
        return SLOT.sub(
            lambda slot: masked.placeholders[int(slot[1])] if int(slot[1]) < len(masked.placeholders) else "", word
        )

    return [(filled(source), filled(word), share) for source, word, share in links]


def choices(model: TranslationModel) -> list[tuple[str, str]]:
    """(name, code) of the languages that a model translates into, by name."""
    codes = [prefix.strip("<>") for prefix in model.codec.prefixes] or model.codec.codes
    return named_codes(codes or [model.config.target_language])


def first_choice(model: TranslationModel) -> str:
    """The code of the config's language, or of the first that the model translates into where it is none."""
    own, codes = model.config.target_language, [code for _, code in choices(model)]
    return own if own in codes else codes[0]


def named_codes(codes: Sequence[str]) -> list[tuple[str, str]]:
    """(name, code) of languages by name; one without a name is called by its code."""

    def name(code: str) -> str:
        try:
            return name_of(code)
        except SuiteError:
            return code

    return sorted((name(code), code) for code in codes)


def summary(sheet: Sheet) -> dict[str, Any]:
    """The answers as data."""
    segments = [
        {
            "source": segment.source,
            "translation": outcome.target,
            "confidence": outcome.confidence,
            "origin": outcome.origin,
            "why": list(outcome.why),
        }
        for segment in sheet.shown
        if (outcome := sheet.outcomes.get(segment.key))
    ]
    return {"language": sheet.language, "segments": segments, "left": len(sheet.segments) - len(segments)}


def finished(session: DemoSession, name: str) -> Sheet:
    """The sheet of that name, translated."""
    for _ in session.work(name):
        pass
    return session.sheet(name)


def demo_call(predictor: Predictor) -> tuple[str, Sequence[Any]]:
    """A sentence with a placeholder, into the language that the demo begins with."""
    return "translation_translate", ["The file %(name)s was saved.", first_choice(DemoSession(predictor).model)]
