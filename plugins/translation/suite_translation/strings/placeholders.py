"""Placeholders: hidden from the model in slots, put back, checked. Nothing passes that breaks one of those recognised.

    masked = mask("&Copy %d files to <b>%s</b>")   # text "Copy ⟦0⟧ files to ⟦1⟧⟦2⟧⟦3⟧", accelerator "&"
    unmask("⟦0⟧ Dateien nach ⟦1⟧⟦2⟧⟦3⟧ kopieren", masked)   # "%d &Dateien nach <b>%s</b> kopieren"

Recognised are: directives of printf (`%s`, `%1$d`, `%(name)s`), of Qt (`%1`, `%n`) and of Boost (`%1%`); fields in
braces (`{}`, `{0}`, `{name:>3}`), ICU messages, Mustache's `{{name}}`; `${name}`, `$(name)`, `$[name]`, `$name`, `$1`,
`$NAME$`, `$t(name)`, `%{name}`, `%<name>`, `%NAME`; tags, entities and BBCode's pairs; escapes, line ends, tabs and
addresses. Where no style is given also `%name%`, `:name`, `@name` and `!name` at the start of a word. Drupal's `%name`
is not, nor are amounts such as `$1.50`; "none" keeps only line ends and tabs, "html" only what stands in web pages.

`unmask` returns None for what cannot be saved. Whatever it returns has no `problems`. A string of more than ten
placeholders, or one whose slots the model loses, is translated piece by piece: `pieces`, then `join_pieces`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from suite_translation.strings import accelerators
from suite_translation.strings.icu import icu_join, icu_parts
from suite_translation.strings.problems import problems
from suite_translation.strings.tokens import NUMBERED, Token, directives, family, tokens

__all__ = [
    "SLOT",
    "SLOTS",
    "Masked",
    "icu_join",
    "icu_parts",
    "join_pieces",
    "mask",
    "mask_target",
    "pieces",
    "problems",
    "unmask",
]

# Ten: of the strings of a desktop one in a thousand has more, and each is a symbol of the vocabulary.
SLOTS: tuple[str, ...] = tuple(f"⟦{number}⟧" for number in range(10))
SLOT = re.compile(r"⟦([0-9]+)⟧")
"""What stands for a placeholder in the texts a model sees."""
# What models make of a slot: spaces inside, a bracket doubled or its end lost.
_LOOSE = re.compile(r"⟦+\s*([0-9]+)\s*⟧+|⟦\s*([0-9]+)(?=\s|$)")
# An odd number of apostrophes, after which an ICU argument would be quoted text.
_QUOTING = re.compile(r"(?<!')((?:'')*)'(?=⟦([0-9]+)⟧)")


@dataclass(frozen=True)
class Masked:
    """A source without its placeholders.

    `text` has slot i where `placeholders[i]` stood (one beyond the tenth gets a slot that no model knows), and no
    keyboard accelerator; `accelerator` is the sign removed, or "". `source` and `style` are what `mask` was given.
    """

    text: str
    placeholders: tuple[str, ...]
    accelerator: str = ""
    source: str = ""
    style: str | None = None


def mask(text: str, style: str | None = None) -> Masked:
    """Hide what a model must not touch; `style` is a flag of gettext ("c-format"), its short name, or None to guess.

    The styles are c, python, brace, icu, html, qt, boost, js and none. An ICU message with branches becomes one
    slot: translate its `icu_parts` instead.
    """
    known = tokens(text, family(style))
    place = accelerators.accelerator(text, family(style), known)
    hidden = accelerators.hidden(text, place)
    slotted, at = [], 0
    for number, token in enumerate(known):
        slotted += [_without(text, at, token.start, hidden), f"⟦{number}⟧"]
        at = token.end
    slotted.append(_without(text, at, len(text), hidden))
    sign = "" if place is None else text[place]
    return Masked("".join(slotted), tuple(token.text for token in known), sign, text, style)


def _without(text: str, start: int, end: int, hidden: tuple[int, int]) -> str:
    """`text` from `start` to `end`, less what of it is hidden."""
    return text[start : max(start, min(end, hidden[0]))] + text[min(end, max(start, hidden[1])) : end]


def unmask(translated: str, masked: Masked) -> str | None:
    """The translation with placeholders and accelerator in it; None when a slot is lost, doubled or invented.

    Slots may stand in another order. Arguments without a number (`%s %d`) then get one where the style has numbers
    (`%2$d %1$s` in C, `{1}` in Python's fields); elsewhere the program would mix them up, and the answer is None.
    """
    if translated == masked.text:
        return masked.source
    slotted = _tidy(_repaired(translated, masked), masked)
    order = [int(number) for number in SLOT.findall(slotted)]
    if sorted(order) != list(range(len(masked.placeholders))):
        return None
    fillings = _numbered(order, masked)
    if fillings is None:
        return None
    if family(masked.style) == "icu":
        slotted = _QUOTING.sub(lambda quote: quote[1] + ("''" if fillings[int(quote[2])][0] in "{#'" else "'"), slotted)
    options = [slotted]
    if masked.accelerator:
        options = list(accelerators.placed(slotted, masked.accelerator, _letter(masked)))
    filled = (_fill(option, fillings) for option in options)
    return next((text for text in filled if not problems(masked.source, text, masked.style)), None)


def _repaired(translated: str, masked: Masked) -> str:
    """Slots as they are written, whatever the model made of them."""
    slotted = _LOOSE.sub(lambda slot: f"⟦{int(slot[1] or slot[2])}⟧", re.sub(r"\s*[\r\n\t]+\s*", " ", translated))
    for number in range(len(masked.placeholders)):
        other = re.compile(rf"[\[【〚［]{{1,2}}\s*{number}\s*[\]】〛］]{{1,2}}")
        if f"⟦{number}⟧" not in slotted and not other.search(masked.text):
            slotted = other.sub(f"⟦{number}⟧", slotted, count=1)
    return slotted


def _tidy(slotted: str, masked: Masked) -> str:
    """White space as in the source at both ends, inside tags and around line ends."""
    for number, text in enumerate(masked.placeholders):
        slot = f"⟦{number}⟧"
        line = "\n" in text or "\r" in text
        if line or (re.match(r"[<\[][^/]", text) and re.search(rf"{slot}\S", masked.text)):
            slotted = re.sub(rf"{slot}\s+", slot, slotted)
        if line or (text.startswith(("</", "[/")) and re.search(rf"\S{slot}", masked.text)):
            slotted = re.sub(rf"\s+{slot}", slot, slotted)
    return _with_ends(slotted, masked.text)


def _with_ends(translated: str, source: str) -> str:
    words = source.strip()
    if not words:
        return source + translated.strip()
    start = source.index(words)
    return source[:start] + translated.strip() + source[start + len(words) :]


def _letter(masked: Masked) -> str:
    known = tokens(masked.source, family(masked.style))
    place = accelerators.accelerator(masked.source, family(masked.style), known)
    return "" if place is None else masked.source[place + 1]


def _numbered(order: list[int], masked: Masked) -> list[str] | None:
    """What fills the slots: placeholders, numbered if the order asks for it; None if they can't be numbered."""
    fillings, kind = list(masked.placeholders), family(masked.style)
    kept = tokens(masked.source, kind)
    for sign in "%{":
        taking = [
            number
            for number, token in enumerate(kept)
            if any(mark == sign and at is None for mark, at, _ in directives(token))
        ]
        if [number for number in order if number in taking] == taking:
            continue
        if NUMBERED.get(kind or "") != sign:
            return None
        _give_numbers(fillings, [kept[number] for number in taking], taking, sign)
    return fillings


def _give_numbers(fillings: list[str], kept: list[Token], taking: list[int], sign: str) -> None:
    count = sum(mark == sign for token in kept for mark, _, _ in directives(token))
    for slot, token in zip(reversed(taking), reversed(kept), strict=True):
        for mark, _, match in reversed(list(directives(token))):
            if mark == sign:
                number = f"{count}$" if sign == "%" else f"{count - 1}"
                at = match.start("rest")
                fillings[slot] = fillings[slot][:at] + number + fillings[slot][at:]
                count -= 1


def _fill(slotted: str, fillings: Sequence[str]) -> str:
    return SLOT.sub(lambda slot: fillings[int(slot[1])], slotted)


def pieces(masked: Masked) -> list[str]:
    """The texts before, between and after the slots, one more than there are placeholders; some may be empty."""
    return SLOT.split(masked.text)[::2]


def join_pieces(translated: Sequence[str], masked: Masked) -> str | None:
    """The string from translations of its `pieces`; None if one of them brings a problem in.

    A piece keeps the white space at its ends; one without letters stays as it is, whatever was made of it.
    """
    kept = [
        _with_ends(new, old) if any(map(str.isalpha, old)) else old
        for new, old in zip(translated, pieces(masked), strict=True)
    ]
    slotted = [text for number, piece in enumerate(kept) for text in (piece, f"⟦{number}⟧")][:-1]
    return unmask("".join(slotted), masked)


def mask_target(target: str, masked: Masked) -> str | None:
    """A reference translation with the slots of its source, for training; None when its placeholders are others.

    Equal placeholders take the slots in the order of the source. An accelerator is removed.
    """
    kind = family(masked.style)
    known = tokens(target, kind)
    hidden = accelerators.hidden(target, accelerators.accelerator(target, kind, known))
    if problems(masked.source, target, masked.style) or len(known) != len(masked.placeholders):
        return None
    free = {number: _plain(text) for number, text in enumerate(masked.placeholders)}
    slotted, at = [], 0
    for token in known:
        slot = next((number for number, text in free.items() if text == _plain(token.text)), None)
        if slot is None:
            return None
        del free[slot]
        slotted += [_without(target, at, token.start, hidden), f"⟦{slot}⟧"]
        at = token.end
    return "".join([*slotted, _without(target, at, len(target), hidden)])


def _plain(text: str) -> str:
    return "\n" if "\n" in text or "\r" in text else text
