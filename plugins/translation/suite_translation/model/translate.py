"""THE inference path: cut, mask, ask, unmask, verify, repair; what cannot be saved keeps its source and says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from suite import Prediction
from suite_translation.data.cleaning import LONGEST
from suite_translation.data.glossary import Glossary, Hit
from suite_translation.data.source import Source
from suite_translation.model.confidence import Confidence
from suite_translation.model.generate import Asked, Candidate
from suite_translation.strings import guards, lengths, placeholders, sentences

Ask = Callable[..., list[list[Candidate]]]
"""`ask(asked, unlooped=False)`: candidates for each text; `generate.candidates` of a model."""
_UNKEPT = "Its placeholders could not be kept."


@dataclass
class Sentence:
    """A sentence on its way: what is asked, and what came of it."""

    source: str
    language: str
    style: str | None
    max_length: int | None
    masked: placeholders.Masked = field(init=False)
    shouted: bool = field(init=False)
    target: str | None = None
    log_probability: float | None = None
    why: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.masked = placeholders.mask(self.source, self.style)
        self.shouted = guards.shouts(_words(self.masked.text))
        if not any(map(str.isalpha, _words(self.masked.text))):
            self.target = self.source

    @property
    def asked(self) -> Asked:
        """What the model is given."""
        return Asked(self._calm(self.masked.text.strip()), self.language)

    def settle(self, candidates: Sequence[Candidate]) -> None:
        """Takes the first candidate that nothing speaks against, else the first that breaks nothing."""
        finished = [(candidate, *self.finish(candidate.text)) for candidate in candidates]
        sound = [(candidate, text, why) for candidate, text, why in finished if text is not None]
        good = [checked for checked in sound if not checked[2]]
        if not sound:
            if self.target is None:
                self.why = [_UNKEPT if any(candidate.text.strip() for candidate in candidates) else guards.EMPTY]
            return
        best, self.target, why = (good or sound)[0]
        self.log_probability = best.log_probability
        self.why = [why] if why else []

    def finish(self, text: str) -> tuple[str | None, str]:
        """A candidate with placeholders, capitals and the end of the source, no word twice; what speaks against it."""
        if self.shouted:
            text = text.upper()
        if not self.masked.placeholders:  # a model of strings with placeholders may write one where none was
            text = re.sub(" {2,}", " ", _words(text)).strip()  # no-break spaces are typography
        # The next candidates of a beam that says a word twice are no better: "QoS QoS" became "QoS de QoS".
        text = guards.ended(self.masked.text.strip(), self._once(text), self.language)
        target = placeholders.unmask(text, self.masked)
        why = guards.problem(_words(self.masked.text), _words(text))
        return target, why or lengths.too_wide(target or "", self.max_length)

    def pieces(self) -> list[Asked]:
        """The texts between the slots that hold words."""
        return [
            Asked(self._calm(piece.strip()), self.language)
            for piece in placeholders.pieces(self.masked)
            if any(map(str.isalpha, piece))
        ]

    def settle_pieces(self, candidates: Sequence[Candidate]) -> None:
        """Puts the pieces' translations between the placeholders; a person should look at the order of words."""
        made = iter(candidates)
        texts = [
            self._shout(self._once(next(made).text)) if any(map(str.isalpha, piece)) else piece
            for piece in placeholders.pieces(self.masked)
        ]
        self.target = placeholders.join_pieces(texts, self.masked)
        if self.target is not None and candidates:
            self.log_probability = min(candidate.log_probability for candidate in candidates)
            why = guards.problem(_words(self.masked.text), _words(" ".join(texts)))
            self.why = ["The texts between the placeholders were translated one by one.", *([why] if why else [])]

    @property
    def lost(self) -> bool:
        """Whether nothing came of it that a person would be served with."""
        return self.target is None or guards.EMPTY in self.why or guards.LOOP in self.why

    def _once(self, text: str) -> str:
        return guards.undoubled(self.masked.text, text, self.language)

    def _calm(self, text: str) -> str:
        return guards.calmed(text) if self.shouted else text

    def _shout(self, text: str) -> str:
        return text.upper() if self.shouted else text


@dataclass
class Job:
    """One example: its sentences, or why it keeps its source."""

    example: Source
    pieces: list[list[sentences.Piece]]
    """A list for each text of an ICU message, else one for the source."""
    sentences: list[list[Sentence]]
    icu: bool = False
    refused: str = ""

    @classmethod
    def of(cls, example: Source, fits: Callable[[str, str], bool]) -> Job:
        """`fits(text, language)` says whether a text is short enough to be translated at once."""
        source, style = example["source"], example.get("style")
        if len(source) > LONGEST:
            why = f"It has {len(source):,} characters; {LONGEST:,} is the most that a segment may have."
            return cls(example, [], [], refused=why)
        branches = placeholders.icu_parts(source)
        parts = [source] if branches is None else branches
        pieces = [list(_cut(sentences.split(part), lambda text: fits(text, example["language"]))) for part in parts]
        widest = example.get("max_length") if sum(map(len, pieces)) == 1 else None
        made = [
            [Sentence(piece.text, example["language"], style if branches is None else "icu", widest) for piece in part]
            for part in pieces
        ]
        return cls(example, pieces, made, icu=branches is not None)

    def prediction(self, confidence: Confidence, low: float) -> Prediction:
        """The sentences' translations put together and verified once more as a whole."""
        source, style = self.example["source"], self.example.get("style")
        if self.refused:
            return _answer(source, 0.0, [self.refused])
        flat = [sentence for part in self.sentences for sentence in part]
        why = list(dict.fromkeys(reason for sentence in flat for reason in sentence.why))
        lost = any(sentence.lost for sentence in flat)
        target = source if lost else self._joined()
        if wrong := placeholders.problems(source, target, style):
            target, why = source, [*why, f"{_UNKEPT} {wrong[0]}"]
        elif not lost:
            why = list(dict.fromkeys([*why, *self._concerns(target)]))
        known = [sentence.log_probability for sentence in flat if sentence.log_probability is not None]
        sure = 0.0 if lost else min(map(confidence, known), default=1.0)
        if not why and sure < low:
            why = ["The model is not sure of it."]
        return _answer(target, sure, why, min(known, default=None))

    def _joined(self) -> str:
        parts = [
            sentences.join(pieces, [str(sentence.target) for sentence in made])
            for pieces, made in zip(self.pieces, self.sentences, strict=True)
        ]
        source = self.example["source"]
        whole = placeholders.icu_join(source, parts) if self.icu else "".join(parts)
        # Where a long sentence was cut, its halves may end and begin alike.
        return guards.undoubled(source, whole, self.example["language"])

    def _concerns(self, target: str) -> Iterator[str]:
        for made in self.sentences:
            texts = [sentence.source for sentence in made], [str(sentence.target) for sentence in made]
            if sentences.uncovered(*texts):
                yield "A sentence seems to be missing."
        if wide := lengths.too_wide(target, self.example.get("max_length")):
            yield wide


def translate(
    examples: Sequence[Source],
    ask: Ask,
    *,
    fits: Callable[[str, str], bool],
    glossary: Glossary | None = None,
    confidence: Confidence | None = None,
    low: float = 0.0,
) -> list[Prediction]:
    """A prediction per example, in order: translation, confidence, and whether and why a person should look at it.

    No translation has a placeholder that the source has not, or lacks one it has. Three rounds at most: everything;
    what looped or came back empty, with loops forbidden, and what lost a placeholder, piece by piece; and what lacks a
    term of the glossary, with that term in a slot.
    """
    jobs = [Job.of(example, fits) for example in examples]
    todo = [sentence for job in jobs for part in job.sentences for sentence in part if sentence.target is None]
    for sentence, candidates in zip(todo, ask([sentence.asked for sentence in todo]), strict=True):
        sentence.settle(candidates)
    _retry([sentence for sentence in todo if sentence.lost and _UNKEPT not in sentence.why], ask)
    _piecewise([sentence for sentence in todo if _UNKEPT in sentence.why and sentence.masked.placeholders], ask)
    if glossary is not None:
        _with_terms(todo, glossary, ask)
    return [job.prediction(confidence or Confidence(), low) for job in jobs]


def _retry(looped: list[Sentence], ask: Ask) -> None:
    for sentence, candidates in zip(looped, ask([sentence.asked for sentence in looped], unlooped=True), strict=True):
        sentence.settle(candidates)


def _piecewise(broken: list[Sentence], ask: Ask) -> None:
    asked = [sentence.pieces() for sentence in broken]
    answers = iter(ask([text for texts in asked for text in texts]))
    for sentence, texts in zip(broken, asked, strict=True):
        sentence.settle_pieces([next(answers)[0] for _ in texts])


def _with_terms(todo: list[Sentence], glossary: Glossary, ask: Ask) -> None:
    lacking = []
    for sentence in todo:
        if sentence.target is not None and glossary.missing(sentence.source, sentence.target, sentence.language):
            lacking.append((sentence, *_slotted(sentence, glossary)))
    asked = [Asked(text, sentence.language) for sentence, text, _ in lacking]
    for (sentence, _, hits), answers in zip(lacking, ask(asked), strict=True):
        first = len(sentence.masked.placeholders)
        filled = [
            Candidate(text, answer.log_probability)
            for answer in answers
            if (text := _filled(answer.text, [hit.term.target for hit in hits], first)) is not None
        ]
        if filled:
            sentence.settle(filled)
            if any(_inflected(sentence, hit) for hit in hits):
                sentence.why.append("A term of the glossary was put in as it is written there; see that its form fits.")
        if missing := glossary.missing(sentence.source, str(sentence.target), sentence.language):
            sentence.why.append(f"The glossary's {missing[0].target!r} is missing.")


def _slotted(sentence: Sentence, glossary: Glossary) -> tuple[str, list[Hit]]:
    """What is asked with each term in a slot after those of the placeholders."""
    text, first = sentence.masked.text, len(sentence.masked.placeholders)
    hits = glossary.terms_in(text, sentence.language)[: max(len(placeholders.SLOTS) - first, 0)]
    for number, hit in reversed(list(enumerate(hits, start=first))):
        text = f"{text[: hit.start]}⟦{number}⟧{text[hit.end :]}"
    return sentence._calm(text.strip()), hits


def _filled(text: str, terms: list[str], first: int) -> str | None:
    """The candidate with the terms in their slots; None if one is not there exactly once."""
    for number, term in enumerate(terms, start=first):
        slot = f"⟦{number}⟧"
        if text.count(slot) != 1:
            return None
        begins = not any(map(str.isalnum, text[: text.index(slot)]))
        text = text.replace(slot, term[:1].upper() + term[1:] if begins else term)
    return text


def _inflected(sentence: Sentence, hit: Hit) -> bool:
    return sentence.masked.text[hit.start : hit.end].casefold() != hit.term.source.casefold()


def _answer(text: str, sure: float, why: list[str], log_probability: float | None = None) -> Prediction:
    return {
        "translation": text,
        "confidence": round(sure, 4),
        "fuzzy": bool(why),
        "why": why,
        "log_probability": None if log_probability is None else round(log_probability, 4),
    }


def _words(text: str) -> str:
    return placeholders.SLOT.sub(" ", text)


def _cut(pieces: Sequence[sentences.Piece], fits: Callable[[str], bool]) -> Iterator[sentences.Piece]:
    """Sentences that do not fit are cut at a white space, preferably behind a comma, nearest to their middle."""
    for piece in pieces:
        middle = len(piece.text) // 2
        spaces = [place for place, character in enumerate(piece.text) if character == " "]
        if not spaces or fits(piece.text):
            yield piece
            continue
        commas = [place for place in spaces if piece.text[place - 1] in ",;:–" and abs(place - middle) < middle / 2]
        place = min(commas or spaces, key=lambda place: abs(place - middle))
        halves = [sentences.Piece(piece.text[:place], " "), sentences.Piece(piece.text[place + 1 :], piece.gap)]
        yield from _cut(halves, fits)
