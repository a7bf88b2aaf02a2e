"""Transcripts compared: what counts as a word, and how many were substituted, deleted and inserted.

Normalising means compatibility form, lower case, and every character that is neither letter, mark nor digit turned
into a space. Marks stay: Hindi or Thai written without its vowel signs is not a word any more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


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


def normalise(text: str) -> str:
    """The words alone, lower case, one space between them.

    >>> normalise("Appuyez sur l’ÉTOILE, s’il vous plaît !")
    'appuyez sur l étoile s il vous plaît'
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded).split())


def tidy(text: str) -> str:
    """Composed characters and single spaces: orthographic comparison ignores nothing else."""
    return " ".join(unicodedata.normalize("NFC", text).split())


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
