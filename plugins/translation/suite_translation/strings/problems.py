"""Whether a translation is safe to ship: nothing that a program reads may differ from the source.

`problems` looks at two plain strings and knows nothing of how the second came about.
"""

from __future__ import annotations

import re
from collections import Counter

from suite_translation.strings import accelerators, icu
from suite_translation.strings.tokens import NUMBERED, Token, directives, family, outside, tokens

# Nothing but tabs and line ends may be in a file of strings; most formats can't hold the others at all.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_TAG_NAME = re.compile(r"[<\[](/?)([\w:.-]+)")
_VOID = {"br", "hr", "img", "input", "wbr", "area", "col", "link", "meta"}


def problems(source: str, target: str, style: str | None = None) -> list[str]:
    """One sentence for each way in which `target` would break a program that shows it instead of `source`.

    Empty when it is safe. `style` as in `mask`.
    """
    kind = family(style)
    if source.strip() and not target.strip():
        return ["The translation is empty."]
    message = icu.parse(source) if kind in (None, "icu") else None
    if message is None:
        return _plain(source, target, kind)
    translated = icu.parse(target)
    if translated is None:
        return ["The translation is no ICU message any more: its braces or branches are broken."]
    return _icu(source, message, target, translated)


def _plain(source: str, target: str, style: str | None) -> list[str]:
    ours, theirs = tokens(source, style), tokens(target, style)
    return [
        *_order(ours, theirs, style),
        *_strays(source, ours, target, theirs, style),
        *_tags(ours, theirs),
        *_ends(source, target),
        *_signs(source, ours, target, theirs, style),
        *_controls(source, target),
    ]


def _order(ours: list[Token], theirs: list[Token], style: str | None) -> list[str]:
    """Missing and invented tokens, and arguments taken in another order."""
    renumbered = _renumbered(ours, theirs, style)
    theirs = theirs if renumbered is None else renumbered
    faults = _differences(Counter(map(_shape, ours)), Counter(map(_shape, theirs)))
    if faults:
        return faults
    for sign in "%{":
        before, after = _sequence(ours, sign), _sequence(theirs, sign)
        if renumbered is None and before != after:
            return [f"The arguments {' '.join(before)} are taken in another order: {' '.join(after)}."]
    return []


def _shape(token: Token) -> str:
    # How lines are indented, and how many there are, is layout.
    return "" if token.kind == "line" else token.text


def _differences(ours: Counter[str], theirs: Counter[str]) -> list[str]:
    missing, invented = ours - theirs, theirs - ours
    del missing[""], invented[""]
    lost = [f"{_shown(text)} is missing." for text in missing.elements()]
    return lost + [f"{_shown(text)} is not in the source, or not so often." for text in invented.elements()]


def _shown(text: str) -> str:
    return "A tab" if text == "\t" else text


def _sequence(known: list[Token], sign: str) -> list[str]:
    return [match[0] for token in known for kind, number, match in directives(token) if kind == sign and number is None]


def _renumbered(ours: list[Token], theirs: list[Token], style: str | None) -> list[Token] | None:
    """The target's tokens without their numbers, if it numbers each argument of an unnumbered source, once each."""
    sign = NUMBERED.get(style or "")
    before = [match for token in ours for kind, number, match in directives(token) if kind == sign and number is None]
    numbers = [(number, match) for token in theirs for kind, number, match in directives(token) if kind == sign]
    if not before or len(numbers) != len(before) or any(number is None for number, _ in numbers):
        return None
    ordered = sorted(numbers, key=lambda pair: pair[0] or 0)
    same = [number for number, _ in ordered] == list(range(len(before)))
    if not same or [match["rest"] for _, match in ordered] != [match["rest"] for match in before] or "*" in str(before):
        return None
    return [_without_numbers(token, str(sign)) for token in theirs]


def _without_numbers(token: Token, sign: str) -> Token:
    text = token.text
    for kind, _, match in reversed(list(directives(token))):
        if kind == sign and match["number"]:
            text = text[: match.start("number")] + text[match.end("number") :]
    return Token(token.kind, text, token.start, token.end)


def _strays(source: str, ours: list[Token], target: str, theirs: list[Token], style: str | None) -> list[str]:
    """Signs of a syntax that stand outside all tokens, where a program may trip over them."""
    before, after = Counter(outside(source, ours)), Counter(outside(target, theirs))
    kinds = {token.kind for token in ours}
    guarded = "\\"
    if style in ("c", "python", "boost") or kinds & {"printf", "double"}:
        guarded += "%"
    if style == "html" or "tag" in kinds:
        guarded += "<>"
    if style == "html":
        guarded += "&"
    faults = [f"A stray {sign} that the source doesn't have." for sign in guarded if after[sign] > before[sign]]
    braces = "" if style in ("html", "none") else "{}"
    return faults + [
        f"There are not as many {sign} as in the source." for sign in braces if after[sign] != before[sign]
    ]


def _tags(ours: list[Token], theirs: list[Token]) -> list[str]:
    if _nested(ours) and not _nested(theirs):
        return ["The tags don't close in the order in which they open."]
    return []


def _nested(known: list[Token]) -> bool:
    stack: list[str] = []
    for token in known:
        name = _TAG_NAME.match(token.text) if token.kind in ("tag", "code") else None
        if name is None or token.text.endswith("/>") or name[2].lower() in _VOID:
            continue
        if not name[1]:
            stack.append(name[2])
        elif not stack or stack.pop() != name[2]:
            return False
    return not stack


def _ends(source: str, target: str) -> list[str]:
    faults = []
    if source.startswith(("\n", "\r")) != target.startswith(("\n", "\r")):
        faults.append("One begins with a new line and the other doesn't.")
    if source.endswith(("\n", "\r")) != target.endswith(("\n", "\r")):
        faults.append("One ends with a new line and the other doesn't.")
    return faults


def _signs(source: str, ours: list[Token], target: str, theirs: list[Token], style: str | None) -> list[str]:
    before = Counter(source[at] for at in accelerators.candidates(source, style, ours))
    after = Counter(target[at] for at in accelerators.candidates(target, style, theirs))
    faults = [f"A keyboard accelerator {sign} too many." for sign in after if after[sign] > before[sign]]
    if not faults and before.total() == 1:
        sign = next(iter(before))
        # All others are text to us; the toolkit takes the first it finds.
        if accelerators.count(target, sign, theirs) - after[sign] >= accelerators.count(source, sign, ours):
            faults.append(f"A second {sign} beside the keyboard accelerator.")
    return faults


def _controls(source: str, target: str) -> list[str]:
    invented = set(_CONTROL.findall(target)) - set(_CONTROL.findall(source))
    return [f"A control character, {character!r}, that no file of strings may hold." for character in sorted(invented)]


def _icu(source: str, ours: icu.Message, target: str, theirs: icu.Message) -> list[str]:
    """Two messages: their own texts, then argument by argument and branch by branch."""
    faults = _plain(_own_text(source, ours), _own_text(target, theirs), "icu")
    before = sorted(ours.arguments, key=lambda argument: (argument.name, argument.kind, argument.offset))
    after = sorted(theirs.arguments, key=lambda argument: (argument.name, argument.kind, argument.offset))
    if [(x.name, x.kind, x.offset) for x in before] != [(x.name, x.kind, x.offset) for x in after]:
        return [*faults, "The plural and select arguments are not those of the source."]
    for argument, other in zip(before, after, strict=True):
        faults += _branches(source, argument, target, other)
    return faults


def _own_text(text: str, message: icu.Message) -> str:
    return " ".join(text[start:end] for start, end in icu.runs(message))


def _branches(source: str, ours: icu.Argument, target: str, theirs: icu.Argument) -> list[str]:
    before, after = dict(ours.branches), dict(theirs.branches)
    # Plural categories are the target language's own; exact numbers and the keys of a select are the program's.
    fixed = {key for key in before if ours.kind == "select" or key.startswith("=")}
    free = set() if ours.kind == "select" else icu.CATEGORIES
    faults = [f"The branch {key} of {ours.name} is missing." for key in sorted(fixed - set(after))]
    faults += [f"{ours.name} has no branch {key}." for key in sorted(set(after) - set(before) - free)]
    if len(after) < len(theirs.branches) and len(before) == len(ours.branches):
        faults.append(f"A branch of {ours.name} is there twice.")
    for key, branch in theirs.branches:
        faults += _icu(source, before.get(key, before["other"]), target, branch)
    return faults
