"""JSON files of one language: keys and strings, nested at will, with the places of the strings.

i18next's are such, Chrome's messages.json (https://developer.chrome.com/docs/extensions/reference/api/i18n) and
Flutter's ARB, whose keys with an @ describe others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite import SuiteError
from suite_translation.formats.base import Answer, Content, Document, Edit, Segment, limit_in, read_content
from suite_translation.strings.icu import CATEGORIES, parse
from suite_translation.strings.languages import name_of

_TOKEN = re.compile(r'\s*([{}\[\]:,]|"(?:[^"\\]++|\\.)*+"|[^\s{}\[\]:,"]+)')
# Deeper than any file of strings is nested, and far from what stops Python.
_DEPTH = 50
# Characters that a line is indented by at most, with the empty lines above it: not all that stands before is copied.
_INDENT = 1000


@dataclass(frozen=True)
class String:
    """A value: the keys that lead to it, characters `start` to `end`, quotes included, and where its key starts."""

    keys: tuple[str, ...]
    start: int
    end: int
    text: str
    named: int = 0


class Strings(Document):
    """A JSON file in the source language; targets come from its sibling in the target language, where there is one.

    A target that is its source counts as none, as JSON cannot mark what waits for a person. Plural forms that only the
    sibling has (i18next's `item_few`) are written after those of the source.
    """

    format = "json"
    shows_fuzzy = False
    in_place = True

    def __init__(self, path: Path, content: Content, language: str) -> None:
        strings = _strings(path, content.text)
        data = json.loads(content.text)
        chrome = _is_chrome(data)
        self.strings = {_key(string.keys): string for string in strings if _is_text(string.keys, chrome=chrome)}
        self.last_of = {stem: string for string in self.strings.values() if (stem := _stem(string.keys))}
        self.ascii = content.text.isascii() and "\\u" in content.text
        self.slashes = "\\/" in content.text
        self.locale = next((string for string in strings if string.keys == ("@@locale",)), None)
        style = "icu" if path.suffix.lower() == ".arb" or _is_icu(self.strings.values()) else None
        beside = _known(path, language)
        known = {key: string.text for key, string in beside.items() if key in self.strings}
        self.plurals = self._plurals(beside.values())
        segments = [_segment(string, known.get(key, ""), data, style) for key, string in self.strings.items()]
        super().__init__(path, content, segments, (language_in(path), language))

    def recalled(self, older: Document) -> dict[str, str]:
        """The translations, by key, in a file that was written from this one; a text that is its source's is none."""
        self.plurals |= self._plurals(getattr(older, "strings", {}).values())
        before = {segment.key: segment.source for segment in older.segments}
        texts = {segment.key: before.get(segment.key, "") for segment in self.segments}
        return {
            segment.key: texts[segment.key]
            for segment in self.segments
            if texts[segment.key] not in ("", segment.source)
        }

    def edits(self, answers: Mapping[str, Answer], language: str) -> list[Edit]:
        """The strings, each in the place of its source; those the sibling has and nobody answered are kept."""
        kept = {segment.key: segment.target for segment in self.segments if segment.target}
        new = {**kept, **{key: answer.target for key, answer in answers.items()}}
        texts = [(self.strings[key], text) for key, text in new.items()]
        if new and self.locale:
            texts.append((self.locale, language.replace("-", "_")))
        made = [(string.start, string.end, self._shown(text)) for string, text in texts if text != string.text]
        return made + [self._added(keys, text) for keys, text in self.plurals.items() if new]

    def _plurals(self, others: Iterable[String]) -> dict[tuple[str, ...], str]:
        """Plural forms of this file's texts that it has not, by their keys."""
        ours = {stem for string in self.strings.values() if (stem := _stem(string.keys))}
        return {
            string.keys: string.text
            for string in others
            if _stem(string.keys) in ours and _key(string.keys) not in self.strings
        }

    def _added(self, keys: tuple[str, ...], text: str) -> Edit:
        """A new plural form after the last that is there, set out like it."""
        last = self.last_of[_stem(keys)]
        before = self.content.text[max(0, last.named - _INDENT) : last.named]
        space = before[len(before.rstrip()) :]
        colon = self.content.text[last.named : last.start][len(self._shown(last.keys[-1])) :]
        return last.end, last.end, f",{space}{self._shown(keys[-1])}{colon}{self._shown(text)}"

    def _shown(self, text: str) -> str:
        shown = json.dumps(text, ensure_ascii=self.ascii)
        return shown.replace("/", "\\/") if self.slashes else shown


def read(path: Path, language: str) -> Strings:
    """A JSON file of strings. Raises `SuiteError` for broken JSON, with the line, and for one without keys."""
    content = read_content(path)
    try:
        data = json.loads(content.text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise SuiteError(f"{path.name} is broken JSON, line {error.lineno}: {error.msg}.") from None
    except SuiteError as error:
        raise SuiteError(f"{path.name} {error}") from None
    except RecursionError:
        raise SuiteError(f"{path.name} is nested more than {_DEPTH} deep, which no file of strings is.") from None
    if not isinstance(data, dict):
        raise SuiteError(f'{path.name} is no file of keys and strings: it must be an object, as in {{"open": "Open"}}.')
    return Strings(path, content, language)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SuiteError(f"has the key {twice!r} twice in one object, of which programs see one; take one out.")
    return made


def _strings(path: Path, text: str) -> list[String]:
    """All string values with the keys and numbers that lead to them; `text` is known to be JSON."""
    made: list[String] = []
    named = 0
    stack: list[
        list[Any]
    ] = []  # for each object or list around: its key or number at the moment, whether a key is next
    for token in _TOKEN.finditer(text):
        sign = token[1]
        if sign in "{[":
            stack.append(["", True] if sign == "{" else [0, False])
            if len(stack) > _DEPTH:
                raise SuiteError(f"{path.name} is nested more than {_DEPTH} deep, which no file of strings is.")
        elif sign in "}]":
            stack.pop()
        elif sign == ",":
            stack[-1] = [stack[-1][0] + 1, False] if isinstance(stack[-1][0], int) else ["", True]
        elif sign == ":":
            stack[-1][1] = False
        elif sign[0] == '"' and stack and stack[-1][1]:
            stack[-1][0], named = json.loads(sign), token.start(1)
        elif sign[0] == '"' and stack:
            keys = tuple(str(key) for key, _ in stack)
            made.append(String(keys, token.start(1), token.end(1), json.loads(sign), named))
    return made


def _key(keys: tuple[str, ...]) -> str:
    """The keys with dots between; a dot or backslash in a key gets a backslash, so that no two paths are alike."""
    return ".".join(re.sub(r"([.\\])", r"\\\1", key) for key in keys)


def _is_chrome(data: dict[str, Any]) -> bool:
    return bool(data) and all(
        isinstance(entry, dict) and isinstance(entry.get("message"), str) for entry in data.values()
    )


def _is_text(keys: tuple[str, ...], *, chrome: bool) -> bool:
    return keys[1:] == ("message",) if chrome else not any(key.startswith("@") for key in keys)


def _stem(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys without the category of a plural that i18next puts behind the last; empty where it has none."""
    stem, _, category = keys[-1].rpartition("_")
    return (*keys[:-1], stem) if stem and category in CATEGORIES else ()


def _is_icu(strings: Iterable[String]) -> bool:
    """Whether a message has branches; "{{" in another means that braces are i18next's."""
    messages = {string.text: parse(string.text) is not None for string in strings if "{" in string.text}
    return any(messages.values()) and not any("{{" in text for text, icu in messages.items() if not icu)


def _segment(string: String, target: str, data: dict[str, Any], style: str | None) -> Segment:
    note = _note(data, string.keys)
    return Segment(
        key=_key(string.keys),
        source=string.text,
        target="" if target == string.text else target,
        context=".".join(string.keys).removesuffix(".message"),
        note=note,
        style=style,
        max_length=limit_in(note),
    )


def _note(data: dict[str, Any], keys: tuple[str, ...]) -> str:
    """What Chrome's and Flutter's files say of a message."""
    beside = data.get(keys[0]) if keys[1:] == ("message",) else data.get(f"@{keys[0]}")
    note = beside.get("description") if isinstance(beside, dict) else ""
    return note if isinstance(note, str) else ""


_PART = re.compile(r"(?:^|[._-])([a-z]{2,3}(?:[-_](?:[A-Z]{2}|[A-Z][a-z]{3}|[0-9]{3}))?)$")


def language_in(path: Path) -> str:
    """The language that a file's name or its folder's says: app.en.json, en.json, app_en.arb, locales/en/app.json."""
    for name in (path.stem, path.parent.name):
        code = _PART.search(name)
        if code:
            try:
                name_of(code[1])
            except SuiteError:
                continue
            return code[1]
    return ""


def siblings(path: Path, language: str) -> Iterator[Path]:
    """Where the same file in `language` would be: the language in the name exchanged, or in the folder's, or added."""
    code = _PART.search(path.stem)
    own = language_in(path)
    if own and code and code[1] == own:
        yield path.with_name(f"{path.stem[: -len(own)]}{language}{path.suffix}")
    elif own:
        folder = path.parent.parent / f"{path.parent.name[: -len(own)]}{language}"
        yield folder / path.name
    yield path.with_name(f"{path.stem}.{language}{path.suffix}")


def _known(path: Path, language: str) -> dict[str, String]:
    """The translations there are; a sibling that can't be read is one nobody wants to lose, and its error is raised."""
    beside = next((sibling for sibling in siblings(path, language) if language and sibling.is_file()), None)
    if beside is None or beside.resolve() == path.resolve():
        return {}
    return {_key(string.keys): string for string in _strings(beside, read(beside, "").content.text)}
