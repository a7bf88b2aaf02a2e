"""ICU messages: where their branches are, and the texts in them that are translated.

The syntax is that of ICU MessageFormat (https://unicode-org.github.io/icu/userguide/format_parse/messages/), with
apostrophes as ICU reads them since 4.8: one that stands before no syntax character is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CATEGORIES = frozenset({"zero", "one", "two", "few", "many", "other"})
_HEAD = re.compile(r"\{\s*([\w.-]+)\s*,\s*(plural|selectordinal|select)\s*,\s*(?:offset\s*:\s*(\d+)\s*)?")
_SIMPLE = re.compile(r"\{\s*[\w.-]+\s*(?:,\s*\w+\s*(?:,[^{}]*)?)?\}")
_KEY = re.compile(r"\s*(=\d+|[\w-]+)\s*\{")
_CLOSE = re.compile(r"\s*\}")
# No message in use nests deeper than four; the limit keeps a hostile one from exhausting the stack.
_DEPTH = 12


@dataclass(frozen=True)
class Argument:
    """A plural or a select: characters `start` to `end` of the message, and a message for each key."""

    name: str
    kind: str
    offset: str
    start: int
    end: int
    branches: tuple[tuple[str, Message], ...]


@dataclass(frozen=True)
class Message:
    """Characters `start` to `end` of a text; simple arguments such as `{name}` count as its text."""

    start: int
    end: int
    arguments: tuple[Argument, ...]


class _SyntaxError(ValueError):
    pass


def parse(text: str) -> Message | None:
    """The structure of an ICU message; None when `text` is none, or has neither plural nor select in it."""
    try:
        message = _message(text, 0, depth=0)
    except _SyntaxError:
        return None
    return message if message.arguments and message.end == len(text) else None


def argument_end(text: str, start: int) -> int | None:
    """Where the plural or select that begins at `start` ends; None when none begins there."""
    if not _HEAD.match(text, start):
        return None
    try:
        return _argument(text, start, depth=0).end
    except _SyntaxError:
        return None


def runs(message: Message) -> list[tuple[int, int]]:
    """The spans of text before, between and after the arguments of a message, branches left out."""
    edges = [
        message.start,
        *(at for argument in message.arguments for at in (argument.start, argument.end)),
        message.end,
    ]
    return list(zip(edges[::2], edges[1::2], strict=True))


def icu_parts(text: str) -> list[str] | None:
    """The texts a translator sees: those of all branches and around them, in order; None when `text` is no ICU message.

    Each is masked and translated for itself with the style "icu" (`{name}` and `#` are still in it); `icu_join` puts
    the translations back. Texts without a letter are left out.
    """
    message = parse(text)
    return None if message is None else [text[start:end] for start, end in _spans(text, message)]


def icu_join(text: str, translated_parts: Sequence[str]) -> str:
    """The message `text` with its parts replaced; ValueError when they are not as many as `icu_parts` gave."""
    message = parse(text)
    spans = [] if message is None else _spans(text, message)
    if len(spans) != len(translated_parts):
        raise ValueError(f"{len(translated_parts)} texts for the {len(spans)} parts of {text!r}")
    pieces, at = [], 0
    for (start, end), part in zip(spans, translated_parts, strict=True):
        pieces += [text[at:start], part]
        at = end
    return "".join([*pieces, text[at:]])


def _spans(text: str, message: Message) -> list[tuple[int, int]]:
    wordless = (re.sub(r"\{[^{}]*\}", "", text[start:end]) for start, end in _leaves(message))
    return [span for span, words in zip(_leaves(message), wordless, strict=True) if any(map(str.isalpha, words))]


def _leaves(message: Message) -> Iterator[tuple[int, int]]:
    spans = runs(message)
    for span, argument in zip(spans, message.arguments, strict=False):
        yield span
        for _, branch in argument.branches:
            yield from _leaves(branch)
    yield spans[-1]


def _message(text: str, start: int, *, depth: int, plural: bool = False) -> Message:
    """The message from `start` to the end of the text, or to the brace that closes its branch."""
    at, arguments = start, []
    while at < len(text):
        if text[at] == "'":
            at = quote_end(text, at, plural=plural)
        elif text[at] == "{":
            argument = _argument(text, at, depth=depth)
            arguments += [argument] if argument.kind else []
            at = argument.end
        elif text[at] == "}":
            break
        else:
            at += 1
    if at == len(text) and depth:
        raise _SyntaxError("a branch that never ends")
    return Message(start, at, tuple(arguments))


def quote_end(text: str, start: int, *, plural: bool = True) -> int:
    """The end of what the apostrophe at `start` quotes, which is the apostrophe alone where it quotes nothing."""
    if text[start + 1 : start + 2] == "'":
        return start + 2
    if text[start + 1 : start + 2] not in ({"{", "}", "#"} if plural else {"{", "}"}):
        return start + 1
    end = re.compile(r"(?:[^']|'')*'").match(text, start + 1)
    return end.end() if end else len(text)


def _argument(text: str, start: int, *, depth: int) -> Argument:
    if simple := _SIMPLE.match(text, start):
        return Argument("", "", "", start, simple.end(), ())
    head = _HEAD.match(text, start)
    if not head or depth >= _DEPTH:
        raise _SyntaxError("no argument")
    at, branches = head.end(), []
    while key := _KEY.match(text, at):
        branch = _message(text, key.end(), depth=depth + 1, plural=head[2] != "select")
        branches.append((key[1], branch))
        at = branch.end + 1
    close = _CLOSE.match(text, at)
    if not close or "other" not in dict(branches):
        raise _SyntaxError("no end, or no branch for all other cases")
    return Argument(head[1], head[2], head[3] or "", start, close.end(), tuple(branches))
