"""What a model's output is held against: loops, empties, copies, lost numbers; and what is mended without asking it.

The complaints are old ones: words said over and over and empty outputs of Marian, capitals that come back as they
were, sentences that NLLB drops.
"""

from __future__ import annotations

import re
from collections import Counter

from suite_translation.strings.sentences import abbreviated

EMPTY, LOOP = "The model gave nothing.", "The model repeated itself."
_NUMBER = re.compile(r"\d+(?:[.,\u00a0\u202f']\d+)*")
_WORD = re.compile(r"[^\W\d_]+")
_TWICE = re.compile(r"(?<![\w'’-])([^\W\d_]{2,}+)(?:[^\S\n]+\1(?![\w'’-]))+", re.IGNORECASE)
_DOUBLING = {"de": "die der das den dem sie ihr", "en": "that had", "es": "", "fr": "nous vous"}
"""Words that grammar sets side by side ("das Programm, das das Fenster öffnet"), in the languages where they were
counted: of 263,022 translations by people 258 have a word twice that their source has not, 186 of them one of these,
some 40 a word in capitals beside itself ("--user=NAME Name"), the others by mistake. Others double words as they
please ("luôn luôn", "tek tek")."""
_SHORT_CAPITALS = 4
"""Letters up to which a word in capitals is taken for an acronym ("USB", "HTML") rather than for shouting."""
_COPIED = 3
"""Words from which on a copy is suspicious; one or two may be a name, a brand or "OK"."""
_MARKS = {
    **dict.fromkeys("。．｡।۔։", "."), **dict.fromkeys("？؟\u037e", "?"), "！": "!", "：": ":", "……": "…",
}  # fmt: skip
"""Ends in other scripts, and what they are in ours."""
_END = re.compile(rf"\s*(\.\.\.|…+|[.:!?;{''.join(_MARKS)[:-2]}])$")
_EAST = {".": "。", "?": "？", "!": "！", ":": "："}
_OWN = {"zh": _EAST, "ja": _EAST, "hi": {".": "।"}, "ar": {"?": "؟"}, "fa": {"?": "؟"}, "el": {"?": ";"}}
"""What a language writes for a mark of ours."""
_SHORTENED = re.compile(r"(?:^|\W)(?:etc|usw|dgl|(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2})\.$", re.IGNORECASE)


def problem(source: str, target: str) -> str:
    """Why `target` can be no good translation of `source`, as a sentence; "" if nothing speaks against it."""
    words, translated = _WORD.findall(source), _WORD.findall(target)
    if words and not translated:
        return EMPTY
    if loops(target) > loops(source):
        return LOOP
    if len(words) >= _COPIED and [w.casefold() for w in words] == [w.casefold() for w in translated]:
        return "The model copied the source."
    if numbers(source) != numbers(target):
        return "The numbers are not those of the source."
    if len(target) > 3 * len(source) + 30:
        return "The translation is far longer than the source."
    return ""


def loops(text: str) -> int:
    """How often in a row the same one to six words, or two to eight characters of a word, are said at most.

    >>> loops("very very very good"), loops("Wort"), loops("Datadatadatadata")
    (3, 1, 4)
    """
    words = [word.casefold() for word in _WORD.findall(text)]
    most = 1
    for size in range(1, 7):
        run = 0
        for place in range(size, len(words)):
            run = run + 1 if words[place] == words[place - size] else 0
            most = max(most, 1 + run // size)
    doubled = max((_syllables(word) for word in words), default=1)
    # Two in a row are good grammar ("die, die"; "nous nous"), and "Couscous" is a word.
    return max(most if most > 2 else 1, doubled if doubled > 2 else 1)


def undoubled(source: str, text: str, language: str) -> str:
    """`text` with each word once that stands twice in a row, in whatever case; as it is where the source has such.

    >>> undoubled("Cancel", "Abbrechen abbrechen", "de"), undoubled("Press it", "Drücken Sie sie", "de")
    ('Abbrechen', 'Drücken Sie sie')
    """
    grammar = _DOUBLING.get(language[:2].lower())
    if grammar is None or _TWICE.search(source):
        return text

    def once(twice: re.Match[str]) -> str:
        if twice[1].casefold() in grammar.split():
            return twice[0]
        first, *others = twice[0].split()
        kept = [first]
        for word in others:
            if word.isupper() != kept[-1].isupper():
                kept.append(word)
        return " ".join(kept) if len(kept) <= len(others) else twice[0]

    return _TWICE.sub(once, text)


def _syllables(word: str) -> int:
    repeats = re.finditer(r"(.{2,8}?)\1{2,}", word)
    return max((len(match[0]) // len(match[1]) for match in repeats), default=1)


def numbers(text: str) -> Counter[str]:
    """The numbers of a text, whatever separates their thousands and decimals."""
    return Counter(re.sub(r"\D", "", number) for number in _NUMBER.findall(text))


def shouts(text: str) -> bool:
    """Whether all is in capitals, some word of it longer than an acronym: models answer such text with itself."""
    words = _WORD.findall(text)
    return text.upper() == text and any(len(word) > _SHORT_CAPITALS for word in words)


def calmed(text: str) -> str:
    """A shouted text as a sentence: "DELETE ALL FILES" becomes "Delete all files"."""
    lowered = text.lower()
    first = _WORD.search(lowered)
    return lowered if first is None else lowered[: first.start()] + lowered[first.start() :].capitalize()


def ended(source: str, target: str, language: str) -> str:
    """`target` with the end that `source` has: the same ellipsis, colon, point; none where the source has none.

    A mark of the target's own script is as good ("。"), and the point of an abbreviation is none.
    """
    asked, given = _END.search(source), _END.search(target)
    wanted, mark = _meant(asked, source), _meant(given, target, language)
    if wanted == mark or (asked and not wanted):
        return target
    # A mark the model put may be due ("¿Seguro?"), and one of a pair must not be another.
    if mark not in ("", ".") and (not wanted or set("¿¡") & set(target)):
        return target
    body = target[: given.start()] if given and mark else target.rstrip()
    if not body:
        return target
    space = "\u00a0" if language.startswith("fr") and wanted in (":", "!", "?") else ""
    return body + space + _OWN.get(language[:2], {}).get(wanted, wanted)


def _meant(end: re.Match[str] | None, text: str, language: str = "") -> str:
    """The mark of ours that ends a text; "" where there is none, or the point of an abbreviation."""
    if end is None or (end[1] == "." and _shortened(text.rstrip())):
        return ""
    if end[1] == ";":  # Greek asks with it
        return "?" if language.startswith("el") else ""
    return _MARKS.get(end[1], end[1])


def _shortened(text: str) -> bool:
    """Whether its last point is an abbreviation's; a word alone ("No.") is none but for the clearest."""
    return bool(_SHORTENED.search(text)) or (" " in text and abbreviated(text[:-1]))
