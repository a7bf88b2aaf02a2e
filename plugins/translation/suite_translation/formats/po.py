"""gettext catalogues (PO, POT), read line by line so that all but targets, the fuzzy flag and our comments stays.

The format: https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from suite import SuiteError
from suite_translation.formats import plurals
from suite_translation.formats.base import (
    Answer,
    Content,
    Document,
    Edit,
    Segment,
    decoded,
    limit_in,
    newline_of,
    one_line,
    read_bytes,
    spliced,
)
from suite_translation.formats.plurals import Rule
from suite_translation.formats.po_lines import OURS, Entry, entries, is_wrapped, lines
from suite_translation.strings.languages import alike
from suite_translation.strings.placeholders import mask

_OPEN = re.compile(r"CHARSET|ENCODING|INTEGER|\bLANGUAGE\b")
"""What a template's header has in place of what each catalogue says."""
_CHARSET = re.compile(rb'Content-Type:[^\n]*charset=([^\s"\\;]+)')


class Catalogue(Document):
    """A PO or POT file."""

    format = "po"

    def __init__(self, path: Path, content: Content, messages: Sequence[Entry], language: str) -> None:
        self.header = next(
            (entry for entry in messages if entry.identity == "" and "msgctxt" not in entry.fields), None
        )
        self.entries = {entry.identity: entry for entry in messages if entry is not self.header}
        self.fields = _header(self.header)
        written = self.fields.get("language", "")
        self.rule = self.fields.get("plural-forms", "")
        # A header copied from another language's catalogue, or English: nothing is translated, so it may be changed.
        self.foreign = not alike(written, language) and not any(map(_is_filled, self.entries.values()))
        self.open = not self.rule or "INTEGER" in self.rule or self.foreign
        self.template = path.suffix.lower() == ".pot" or "CHARSET" in self.fields.get("content-type", "")
        if self.open:
            self.rule = self._rule_of(path, language or written)
        self.plural = plurals.parsed(self.rule, f"The header of {path.name}")
        self.wrapped = is_wrapped(content.text, messages)
        segments = [segment for entry in self.entries.values() for segment in _segments(entry, self.plural)]
        super().__init__(path, content, segments, ("", language if self.foreign else written or language))

    def _rule_of(self, path: Path, language: str) -> str:
        """The Plural-Forms of a language; an error for one whose are not known, where the catalogue has plurals."""
        rule = plurals.rule_of(language)
        if not rule and any("msgid_plural" in entry.fields for entry in self.entries.values()):
            raise SuiteError(
                f"{path.name} has plurals, and Suite does not know the plural forms of the language {language!r}: give "
                f"the file a header with 'Language: {language}' and 'Plural-Forms: nplurals=…; plural=…;'."
            )
        return rule or plurals.rule_of("en")

    def written(self, answers: Mapping[str, Answer], language: str) -> bytes:
        """As of every document; a catalogue whose charset lacks a character becomes UTF-8, and its header says so."""
        edits = self.edits(answers, language)
        if not edits:
            return self.content.raw
        text = spliced(self.content.text, edits)
        try:
            return self.content.bom + text.encode(self.content.encoding)
        except UnicodeEncodeError:
            return re.sub(r"(charset=)[^\s\"\\;]+", r"\1UTF-8", text, count=1).encode()

    def edits(self, answers: Mapping[str, Answer], language: str) -> list[Edit]:
        """Lines of targets, fuzzy flags and our comments, and what a template's header lacks."""
        if answers and self.open and self._rule_of(self.path, language) != self.rule:
            raise SuiteError(f"{self.path.name} was read for a language with other plural forms than {language}'s.")
        edits = [edit for entry in self.entries.values() for edit in self._entry(entry, answers)]
        return [*self._head(language), *edits] if edits else []  # a header that is new comes first

    def _entry(self, entry: Entry, answers: Mapping[str, Answer]) -> Iterator[Edit]:
        count = self.plural[0] if "msgid_plural" in entry.fields else 1
        given = {form: answers[key] for form in range(count) if (key := _key(entry, form)) in answers}
        old = {form: field.text for form, field in entry.targets}
        new = {form: given[form].target if form in given else old.get(form, "") for form in range(count)}
        if given:
            yield from self._targets(entry, new)
            fuzzy = any(answer.fuzzy for answer in given.values()) or (entry.fuzzy and len(given) < count)
            yield from self._comment(entry, [answer.why for answer in given.values() if answer.why])
            yield from self._flag(entry, fuzzy=fuzzy)

    def _targets(self, entry: Entry, new: dict[int, str]) -> Iterator[Edit]:
        newline = newline_of(self.content.text, entry.start)
        last, places = entry.targets[-1][1], dict(entry.targets)
        for form, place in places.items():
            if form not in new:  # a template has two forms, and Japanese has one
                if place.text.strip():  # somebody wrote it: the header may be what is wrong
                    continue
                yield self._whole_lines(place.start, place.end)
            elif new[form] != place.text:
                yield place.start, place.end, self._shown(entry, form, new[form], newline)
        missing = [self._shown(entry, form, text, newline) for form, text in new.items() if form not in places]
        if missing:
            yield last.end, last.end, newline + newline.join(missing)

    def _whole_lines(self, start: int, end: int) -> Edit:
        """Removes a field with the line end before it."""
        return start - (2 if self.content.text[start - 2 : start] == "\r\n" else 1), end, ""

    def _shown(self, entry: Entry, form: int, text: str, newline: str) -> str:
        name = f"msgstr[{form}]" if "msgid_plural" in entry.fields else "msgstr"
        return newline.join(lines(name, text, wrapped=self.wrapped))

    def _flag(self, entry: Entry, *, fuzzy: bool) -> Iterator[Edit]:
        if fuzzy == entry.fuzzy:
            return
        newline = newline_of(self.content.text, entry.start)
        kept = (["fuzzy"] if fuzzy else []) + [flag for flag in entry.flagged if flag != "fuzzy"]
        line = f"#, {', '.join(kept)}{newline}" if kept else ""
        if not entry.flags:
            start = min(field.start for field in entry.fields.values())
            yield start, start, line
        for number, (start, end, _) in enumerate(entry.flags):
            yield start, end, "" if number else line
        if not fuzzy:
            yield from ((start, end, "") for start, end in entry.previous)

    def _comment(self, entry: Entry, why: list[str]) -> Iterator[Edit]:
        new = f"{OURS}{one_line(' '.join(dict.fromkeys(why)))}" if why else ""
        text = self.content.text
        if new and [text[start:end].strip() for start, end in entry.ours] == [new]:
            return
        yield from ((start, end, "") for start, end in entry.ours)
        if new:
            yield entry.start, entry.start, new + newline_of(text, entry.start)

    def _head(self, language: str) -> Iterator[Edit]:
        newline = self.content.newline
        wanted = {"Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "8bit"}
        wanted["Language"] = language
        if plurals.rule_of(language) or not self.open:
            wanted["Plural-Forms"] = self.rule
        if self.header is None:
            made = lines("msgstr", "".join(f"{name}: {value}\n" for name, value in wanted.items()), wrapped=False)
            yield 0, 0, newline.join(['msgid ""', *made, "", ""])
            return
        place = self.header.fields["msgstr"]
        missing = set(wanted) if self.template else set()
        if any(segment.plural is not None for segment in self.segments):
            missing.add("Plural-Forms")
        text = _filled(place.text, wanted, missing, {"Language", "Plural-Forms"} if self.foreign else set())
        if text != place.text:
            yield place.start, place.end, newline.join(lines("msgstr", text, wrapped=False))
            # gettext ignores a header that is fuzzy, which that of a template is.
            yield from self._flag(self.header, fuzzy=False)


def _is_filled(entry: Entry) -> bool:
    return any(field.text.strip() for _, field in entry.targets)


def _filled(text: str, wanted: dict[str, str], missing: set[str], wrong: set[str]) -> str:
    """A header with what it leaves open or has `wrong`, and with those lines it lacks that are in `missing`."""
    for name, value in wanted.items():
        old = re.search(rf"^{name}:[ \t]*(.*)\n?", text, re.MULTILINE | re.IGNORECASE)
        if old is None and name in missing:
            text += f"{name}: {value}\n" if not text or text.endswith("\n") else f"\n{name}: {value}\n"
        elif old and (name in wrong or not old[1].strip() or _OPEN.search(old[1])):
            text = f"{text[: old.start()]}{name}: {value}\n{text[old.end() :]}"
    return text


def read(path: Path, language: str) -> Catalogue:
    """A catalogue; its charset is the header's. Raises `SuiteError` with the line of what is broken."""
    raw = read_bytes(path)
    content = decoded(path, raw, _charset(path, raw))
    messages = list(entries(path.name, content.text))
    seen: dict[tuple[str, bool], Entry] = {}
    for entry in messages:
        first = seen.setdefault((entry.identity, "msgctxt" in entry.fields), entry)
        if first is not entry:
            raise SuiteError(
                f"{path.name}, line {entry.line}: the same msgid is on line {first.line} already, which gettext "
                "forbids; join them with msguniq."
            )
    return Catalogue(path, content, messages, language)


def _charset(path: Path, raw: bytes) -> str:
    charset = _CHARSET.search(raw)
    name = charset[1].decode("ascii", "replace") if charset else "UTF-8"
    if name == "CHARSET":  # a template that has none yet
        return "utf-8"
    return name


def _segments(entry: Entry, rule: Rule) -> Iterator[Segment]:
    flags = entry.flagged
    context, style = entry.fields.get("msgctxt"), _style(flags)
    targets = {form: field.text for form, field in entry.targets}
    for form, source in _sources(entry, rule, style).items():
        yield Segment(
            key=_key(entry, form),
            source=source,
            target=targets.get(form, ""),
            context=context.text if context else "",
            note="\n".join(entry.notes),
            style=style,
            plural=form if "msgid_plural" in entry.fields else None,
            fuzzy=entry.fuzzy,
            max_length=limit_in(" ".join([*entry.notes, *flags])),
        )


def _style(flags: Sequence[str]) -> str | None:
    """The flag that says what placeholders look like; one that says it's none only where no other says more."""
    formats = sorted((flag for flag in flags if flag.endswith("-format")), key=lambda flag: flag.startswith("no-"))
    return next((flag for flag in formats if not flag.startswith(("possible-", "impossible-"))), None)


def _sources(entry: Entry, rule: Rule, style: str | None) -> dict[int, str]:
    """What each form is made from."""
    singular, plural = entry.fields["msgid"].text, entry.fields.get("msgid_plural")
    if plural is None:
        return {0: singular}
    same = sorted(mask(singular, style).placeholders) == sorted(mask(plural.text, style).placeholders)
    singulars = plurals.singular_forms(rule, same=same)
    return {form: singular if form in singulars else plural.text for form in range(rule[0])}


def _key(entry: Entry, form: int) -> str:
    return f"{entry.identity}[{form}]" if "msgid_plural" in entry.fields else entry.identity


def _header(entry: Entry | None) -> dict[str, str]:
    written = entry.fields["msgstr"].text if entry else ""
    pairs = (line.partition(":") for line in written.split("\n"))
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}
