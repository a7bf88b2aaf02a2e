"""Placeholders on generated strings: what comes back is safe, and what can be answered is."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite_translation.strings.placeholders import join_pieces, mask, pieces, problems, unmask

WORDS = [
    "Open",
    "the file",
    "é",
    "AT&T",
    "R&D",
    "snake_case",
    r"C:\path",
    "a < b",
    "~5",
    "100 %",
    "50% off",
    "5",
    "it's",
]
MARKS = [
    "%s", "%-5.2f", "%1$s", "%2$d", "%(name)d", "%%", "{}", "{0}", "{name!r:>10}", "{{", "}}", "${x}", "$t(x)", "%{x}",
    "{{mustache}}", "{n, plural, one {# file} other {{g, select, other {it''s #}}}}", "#", '<a href="x">', "</a>",
    "<b>", "</b>", "<br/>", "&nbsp;", "&File", "_Open", "~Edit", "E&xit", "\n", "\t", r"\n", r"\t", "\\", "%", "{", "}",
    "<", ">", "&", "_", "'", "⟦0⟧", "⟦", "%1", "%n", "$", "https://x.org/%20", "me@x.org", ":", "…", "...", " ", "\r\n",
]  # fmt: skip
STYLES = st.sampled_from([None, "c", "python", "brace", "icu", "qt", "js", "html", "none", "c-format", "boost"])
PLACEABLE = st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(MARKS), st.text(max_size=4)), max_size=12)
MANY = settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@MANY
@given(PLACEABLE, PLACEABLE, st.sampled_from(["", " "]), STYLES)
def test_the_untouched_string_comes_back(before, after, gap, style):
    """Also where one plain word of it, between whatever else, is another."""
    source = f"{gap.join(before)} plain {gap.join(after)}"
    masked = mask(source, style)
    assert unmask(masked.text, masked) == source
    assert len(pieces(masked)) == len(masked.placeholders) + 1
    again = join_pieces(pieces(masked), masked)
    assert again is not None
    assert problems(source, again, style) == []
    if masked.text.count("plain") == source.count("plain") == 1:  # else it was in a tag, a field or a branch
        made = unmask(masked.text.replace("plain", "schlicht"), masked)
        assert made is not None
        assert _unsigned(made, masked) == _unsigned(source.replace("plain", "schlicht"), masked)


def _unsigned(text, masked):
    """Without accelerators, and without the white space around line ends, which is layout."""
    if masked.accelerator:
        text = re.sub(rf"\({masked.accelerator}\w\)", "", text).replace(masked.accelerator, "")
    return re.sub(r"\s*[\r\n]\s*", "\n", text)


# What the generator puts in, by style; an opening tag brings its end along.
KINDS = {
    "c": ["%s", "%5d", "%-5.2f", "%%", "<b>", "&amp;", r"\n"],
    "python": ["%(name)d", "%(other)s", "%%", "<b>", "&nbsp;", r"\t"],
    "brace": ["{name}", "{other!r:>3}", "{name:>9}", "<i>", r"\n", "https://x.org/%20"],
    "icu": ["{name}", "{other}", "{n, plural, one {# file} other {# files}}", "#"],
    "html": ["<b>", '<a href="x">', "<br/>", "&nbsp;", "https://x.org"],
    None: ["%s", "${x}", "$t(x)", "%{x}", "{{mustache}}", "<b>", "me@x.org"],
}
PLAIN = ["Datei", "öffnen", "fünf", "der", "文件", "l’été"]


@st.composite
def built(draw):
    """Style, parts of a string, and which of them are placeholders."""
    style = draw(st.sampled_from(list(KINDS)))
    parts = []
    for part in draw(st.lists(st.sampled_from([*KINDS[style], *PLAIN, *PLAIN]), min_size=1, max_size=9)):
        tag = re.match(r"<(\w)\b[^/]*>", part)
        parts += [part, "word", f"</{tag[1]}>"] if tag else [part]
    return style, parts, [part not in PLAIN and part != "word" for part in parts]


@MANY
@given(built(), st.data())
def test_slots_in_the_order_of_the_source_are_always_answered(made, data):
    style, parts, slotted = made
    masked = mask(" ".join(parts), style)
    numbers = iter(range(len(parts)))
    words = [None if slot else data.draw(st.sampled_from(PLAIN)) for slot in slotted]
    answered = " ".join(f"⟦{next(numbers)}⟧" if slot else word for slot, word in zip(slotted, words, strict=True))
    expected = " ".join(part if slot else word for part, slot, word in zip(parts, slotted, words, strict=True))
    assert unmask(answered, masked) == expected


def test_whatever_a_model_makes_is_safe_or_refused():
    """The oracles share no code with `problems`: counts of what the generator put in, Python, walks over braces."""
    asked, given_back = [], []

    @MANY
    @given(built(), st.data())
    def run(made, data):
        style, parts, slotted = made
        source = " ".join(parts)
        masked = mask(source, style)
        slots = [f"⟦{number}⟧" for number in range(sum(slotted))]
        kept = data.draw(st.permutations(slots)) if data.draw(st.booleans()) else slots
        noise = st.lists(st.sampled_from([*PLAIN] * 12 + MARKS + ["[0]", "⟦ 1⟧"]), max_size=1)
        said = [word for _ in [*kept, ""] for word in (data.draw(noise) or [""])]
        answer = unmask(" ".join(piece for pair in zip(said, [*kept, ""], strict=True) for piece in pair), masked)
        asked.append(source)
        if answer is None:
            return
        given_back.append(answer)
        assert all(word in answer for word in said if word in PLAIN)
        _accepted(source, answer, style, [part for part, slot in zip(parts, slotted, strict=True) if slot])

    run()
    assert len(given_back) > 0.5 * len(asked)


def _accepted(source, answer, style, placed):
    if style == "c":
        answer = re.sub(r"%\d+\$", "%", answer)
    assert {part: answer.count(part) for part in placed} == {part: source.count(part) for part in placed}
    assert answer.count("⟦") == answer.count("⟧") == 0
    if style == "python":
        assert len(answer % {"name": 1, "other": "x"}) > 0
    if style == "brace":
        assert len(answer.format(name=1, other=2)) > 0
    if style == "icu":
        assert _walked(answer) == _walked(source)
    stack = []
    for end, name in re.findall(r"<(/?)(\w+)[^<>/]*>", answer):
        assert not end or stack.pop() == name
        stack += [] if end else [name]
    assert stack == []


def _walked(text):
    """The outermost arguments that ICU would find: apostrophes quote as its documentation says."""
    arguments, at, depth = [], 0, 0
    while at < len(text):
        if text[at] == "'" and text[at + 1 : at + 2] == "'":
            at += 1
        elif text[at] == "'" and text[at + 1 : at + 2] in ("{", "}", "#"):
            at = (text + "'").index("'", at + 1)
        elif text[at] == "{":
            arguments += [] if depth else [at]
            depth += 1
        elif text[at] == "}":
            depth -= 1
            assert depth >= 0
            arguments += [] if depth else [text[arguments.pop() : at + 1]]
        at += 1
    assert depth == 0
    return sorted(arguments)


@MANY
@given(st.lists(st.sampled_from(["%s", "%5d", "%%", "%(a)s", "%(b)d", "x", " "]), max_size=8), st.data())
def test_pythons_own_formatting_accepts_what_is_shipped(parts, data):
    """An oracle that shares no code with ours."""
    source = "".join(part for part in parts if ("(" in part) == ("%(a)s" in parts) or part in ("%%", "x", " "))
    arguments = {"a": "1", "b": 2} if "(" in source else tuple(1 for part in parts if part in ("%s", "%5d"))
    source % arguments
    masked = mask(source, "python-format")
    slots = data.draw(st.permutations([f"⟦{number}⟧" for number in range(len(masked.placeholders))]))
    noise = st.sampled_from(["", " ", "und", "100 % der", "%", "s", "d"])
    answer = unmask("".join(data.draw(noise) + slot for slot in slots) + data.draw(noise), masked)
    if answer is not None:
        answer % arguments


@MANY
@given(st.lists(st.sampled_from(["{}", "{:>3}", "{{", "}}", "x", " "]), max_size=8), st.data())
def test_pythons_own_fields_accept_what_is_shipped(parts, data):
    source = "".join(parts)
    wanted = [f"<{number}>" for number in range(source.count("{}") + source.count("{:"))]
    try:
        source.format(*wanted)
    except ValueError:  # a lone brace between two others
        return
    masked = mask(source, "python-brace-format")
    slots = data.draw(st.permutations([f"⟦{number}⟧" for number in range(len(masked.placeholders))]))
    noise = st.sampled_from(["", " ", "und", "{", "}", "0", ":"])
    answer = unmask("".join(data.draw(noise) + slot for slot in slots) + data.draw(noise), masked)
    if answer is not None:
        shown = answer.format(*wanted)
        assert all(shown.count(value) == source.format(*wanted).count(value) for value in wanted)
