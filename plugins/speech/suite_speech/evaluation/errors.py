"""Edit counts between what was said and what was written, by words and by characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from suite_speech.data.text import normalise, tidy


@dataclass(frozen=True)
class Errors:
    """Edits that turn a reference into what was heard, of the fewest there are, and the reference's length."""

    substitutions: int
    deletions: int
    insertions: int
    length: int

    @property
    def total(self) -> int:
        """All edits."""
        return self.substitutions + self.deletions + self.insertions


def compare(reference: Sequence[str], heard: Sequence[str]) -> Errors:
    """Edit counts between two sequences of words, or two strings (Levenshtein).

    Of equally few edits those with most substitutions are counted, which makes the three counts definite.

    >>> compare("a b c".split(), "a x c d".split())
    Errors(substitutions=1, deletions=0, insertions=1, length=3)
    """
    # A substitution costs `edit`, a deletion or an insertion one more, and `edit` is more than all of these ones
    # together. So the cheapest alignment has the fewest edits and of those the fewest deletions and insertions, both of
    # which can be told from its cost. `Levenshtein.editops` would be faster, but takes any of the shortest ways.
    edit = len(reference) + len(heard) + 1
    cost = Levenshtein.distance(reference, heard, weights=(edit + 1, edit + 1, edit))
    edits, gaps = divmod(cost, edit)
    insertions = (gaps + len(heard) - len(reference)) // 2
    return Errors(edits - gaps, gaps - insertions, insertions, len(reference))


def words(reference: str, heard: str, *, normalised: bool) -> Errors:
    """Word errors between two transcripts."""
    form = normalise if normalised else tidy
    return compare(form(reference).split(), form(heard).split())


def characters(reference: str, heard: str, *, normalised: bool) -> Errors:
    """Character errors between two transcripts, spaces included."""
    form = normalise if normalised else tidy
    return compare(form(reference), form(heard))
