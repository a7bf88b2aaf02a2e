"""Transcripts compared: what counts as a word, and how many were substituted, deleted and inserted.

Normalising means compatibility form, lower case, and every character that is neither letter, mark nor digit turned
into a space. Marks stay: Hindi or Thai written without its vowel signs is not a word any more.
"""

from __future__ import annotations

import unicodedata


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
