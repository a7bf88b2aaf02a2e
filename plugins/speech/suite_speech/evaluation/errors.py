"""Edit counts between what was said and what was written, by words and by characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """Edit counts between two sequences (Levenshtein); of equally short ways, the one with most substitutions.

    >>> compare("a b c".split(), "a x c d".split())
    Errors(substitutions=1, deletions=0, insertions=1, length=3)
    """
    # One row of the table at a time; a cell is (edits, -substitutions, deletions, insertions), least first.
    row = [(j, 0, 0, j) for j in range(len(heard) + 1)]
    for i, word in enumerate(reference, 1):
        above, row = row, [(i, 0, i, 0)]
        for j, other in enumerate(heard, 1):
            edits, kept, deleted, inserted = above[j - 1]
            change = int(word != other)
            diagonal = (edits + change, kept - change, deleted, inserted)
            edits, kept, deleted, inserted = above[j]
            down = (edits + 1, kept, deleted + 1, inserted)
            edits, kept, deleted, inserted = row[-1]
            across = (edits + 1, kept, deleted, inserted + 1)
            row.append(min(diagonal, down, across))
    _, kept, deleted, inserted = row[-1]
    return Errors(-kept, deleted, inserted, len(reference))


def words(reference: str, heard: str, *, normalised: bool) -> Errors:
    """Word errors between two transcripts."""
    form = normalise if normalised else tidy
    return compare(form(reference).split(), form(heard).split())


def characters(reference: str, heard: str, *, normalised: bool) -> Errors:
    """Character errors between two transcripts, spaces included."""
    form = normalise if normalised else tidy
    return compare(form(reference), form(heard))
