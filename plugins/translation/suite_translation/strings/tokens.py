"""Where a string holds something that is not words: format directives, fields, tags, entities, escapes, addresses.

One scanner reads all styles, because keeping too much as it stands does no harm; the style decides only what is
ambiguous (`{{` in Python and in Mustache, `% d` in C and in prose).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from suite_translation.strings import icu

# What gettext's flags mean for us; the key is the flag without "-format". Those not named are guessed.
_FAMILIES = {
    "c": "c", "objc": "c", "php": "c", "perl": "c", "java-printf": "c", "lua": "c", "awk": "c", "tcl": "c",
    "gcc-internal": "c", "gfc-internal": "c", "object-pascal": "c", "pascal": "c", "python": "python",
    "javascript": "python", "ruby": "python", "brace": "brace", "python-brace": "brace", "rust": "brace",
    "c++": "brace", "csharp": "brace", "perl-brace": "brace", "icu": "icu", "java": "icu", "qt": "qt",
    "qt-plural": "qt", "kde": "qt", "kde-kuit": "qt", "ycp": "qt", "boost": "boost", "js": "js", "html": "html",
    "none": "none",
}  # fmt: skip

# Styles whose arguments may be numbered where the source doesn't, and the sign those begin with.
NUMBERED = {"c": "%", "brace": "{"}

_LENGTH = r"(?:hh|h|ll|l|q|j|z|t|L|I64|I32)?"
_WIDTH = r"(?:\*(?:\d+\$)?|\d+)?(?:\.(?:\*(?:\d+\$)?|\d+)?)?"
_TAG = (
    r"<!--(?:(?!<!--).)*?-->|</?(?:[A-Za-z][\w:.-]*|\d+)"
    r"(?:\s+[\w:@.*#-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?)*\s*/?>"
)
_FIELD = (
    r"\{[ ]*[$@]?[\w.\[\]/-]*[ ]*(?:![rsa])?(?::[^{}\n]*(?:\{[^{}\n]*\}[^{}\n]*)*)?\}"
    r"|\{\s*[\w.-]+\s*,\s*(?:number|date|time|spellout|ordinal|duration|list)\s*(?:,[^{}]*)?\}"
)
# Wherever a run of letters or spaces could begin a token, only its first place is tried: from each place of a run that
# has no end, each would be read again, and time grow with its square. The same for a comment that is never closed.
# Address and mail: percent signs in them are escapes of bytes (%20), not directives.
_URL = (
    r"\b(?:https?|ftp|file)://(?:[\w\-.~:/?#@!*+,;=()&]|%[0-9A-F]{2})*(?:[\w/#=~-]|%[0-9A-F]{2})"
    r"|(?<![\w.+-])[\w.+-]++@\w[\w-]*(?:\.\w[\w-]*)+"
)
_MUSTACHE = r"\{\{\{?[ ]*[#/^&>!]?[ ]*[\w.$@][\w.$@|:,'\"() -]*\}?\}\}|\{%[^{}\n]*%\}"
# "$1" is an argument of Chrome's or MediaWiki's, or five dollars, which stay too; "$1.50" is money.
_DOLLAR = r"\$[A-Za-z_][\w@]*\$(?!\w)|\$\d{1,2}(?!\d|[.,]\d)"
# Names behind a sign at the start of a word: Rails' and Laravel's ":name", Drupal's "@user" and "!link", Symfony's
# "%count%". Two letters at least, as ":D" is a face; not behind a digit, as in "50%off%".
_NAMES = r"(?<![\w%])%[A-Za-z_][\w.]+%(?![\w%])|(?<![\w:/])[:@][A-Za-z_]\w+|(?<![^\s(\[\"'>])![a-z]\w+"
# "[b]" of BBCode, if its end follows within a paragraph or two; "[file]" alone is a word in brackets.
_CODE = r"\[/[A-Za-z]\w*\]|\[(?P<of>[A-Za-z]\w*)(?:[= ][^\[\]\n]*)?\](?=.{0,1000}?\[/(?P=of)\])"
_TEMPLATE = _DOLLAR + r"|\$\{[^{}\n]*\}|\$t\([^()\n]*\)|\$\([\w.]+\)|\$\[[\w.]+\]|\$[A-Za-z_]\w*|%\{[^{}\n]*\}|%<\w+>"


@dataclass(frozen=True)
class Token:
    """Something kept as it stands: characters `start` to `end` of the string."""

    kind: str
    text: str
    start: int
    end: int


def family(style: str | None) -> str | None:
    """The style that a flag of gettext or a name of ours stands for; None, which guesses, for one unknown."""
    if style is None:
        return None
    if style.startswith("no-"):
        return None
    return _FAMILIES.get(style.removesuffix("-format"))


def _printf(style: str | None) -> str:
    flags = r"[-+#0' ]*" if style in ("c", "python") else r"[-+#0']*"
    body = rf"(?:\([^()\n]+\)|\d+\$)?{flags}{_WIDTH}{_LENGTH}[A-Za-z@]"
    if style in ("c", "python", "boost"):
        return rf"%{body}"
    # "50%off" is prose: a digit before the sign and a word after it.
    return rf"(?<!\d)%{body}|(?<=\d)%{body}(?![A-Za-z])"


@lru_cache(maxsize=16)
def _scanner(style: str | None) -> re.Pattern[str]:
    kinds = {
        "slot": "[⟦⟧]",
        "line": r"(?<![ \t])[ \t]*+(?:\r\n|\r|\n)(?:[ \t]*(?:\r\n|\r|\n))*[ \t]*",
        "tab": r"\t",
    }
    if style == "none":
        return _alternatives(kinds)
    kinds["url"] = _URL
    # A path is words, and so is a pair of apostrophes below: matched to be skipped, for what would be found in them.
    kinds["path"] = r"(?<!\w)[A-Za-z]:\\(?![nrt](?!\w))[^\s\"'<>|{}%⟦⟧]*"
    kinds["escape"] = r"\\(?:[nrt\\\"']|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})"
    kinds["tag"] = _TAG
    kinds["code"] = _CODE
    kinds["entity"] = r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|\#\d+|\#x[0-9A-Fa-f]+);"
    if style == "html":
        return _alternatives(kinds)
    if style == "icu":
        kinds["pair"] = "''"
        kinds["quoted"] = r"'[{}#](?:[^']|'')*(?:'|\Z)"
        kinds["hash"] = r"\#"
    kinds["double"] = r"&&|%%" + (r"|\{\{|\}\}" if style == "brace" else "")
    if style is None:
        kinds["name"] = _NAMES
    kinds["template"] = (_TEMPLATE if style == "brace" else f"{_MUSTACHE}|{_TEMPLATE}") + r"|%[A-Z][A-Z0-9_]{2,}"
    kinds["icu"] = r"\{(?=\s*[\w.-]+\s*,\s*(?:plural|selectordinal|select)\s*,)"
    kinds["field"] = _FIELD
    kinds["braces"] = r"\{\{|\}\}"
    # Before directives: "%L1" is the first argument in Qt, "%1 d" is no directive.
    kinds["number"] = r"%L\d+|%\d+%" if style == "boost" else r"%L\d+"
    kinds["printf"] = "%n" if style == "qt" else _printf(style)
    kinds["place"] = r"%\d+"
    return _alternatives(kinds)


def _alternatives(kinds: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items()), re.DOTALL)


def tokens(text: str, style: str | None) -> list[Token]:
    """All that is not words in `text`, in order, none overlapping; `style` is one that `family` returns."""
    return list(_scan(text, _scanner(style)))


def _scan(text: str, scanner: re.Pattern[str]) -> Iterator[Token]:
    at = 0
    while match := scanner.search(text, at):
        kind, end = str(match.lastgroup), match.end()
        if kind == "icu":
            end = icu.argument_end(text, match.start()) or 0
        at = end or match.end()
        if kind not in ("path", "pair") and end:
            yield Token(kind, text[match.start() : end], match.start(), end)


def outside(text: str, known: list[Token]) -> str:
    """The words: `text` with a slot's bracket in the place of each token, so that neighbours don't run together."""
    pieces, at = [], 0
    for token in known:
        pieces.append(text[at : token.start])
        at = token.end
    return "⟧".join([*pieces, text[at:]])


_PRINTF_DIRECTIVE = re.compile(rf"%%|%(?P<number>\d+\$)?(?P<rest>[-+#0' ]*{_WIDTH}{_LENGTH}[A-Za-z@])")
_FIELD_DIRECTIVE = re.compile(r"\{\{|\{(?P<number>\d*)(?P<rest>(?:[!:.\[][^{}]*)?)\}")


def directives(token: Token) -> Iterator[tuple[str, int | None, re.Match[str]]]:
    """The positional directives in a token (a tag may hold several): sign, number from 0 or None, and the match."""
    if token.kind in ("printf", "tag"):
        for directive in _PRINTF_DIRECTIVE.finditer(token.text):
            if directive["rest"] and directive["rest"] != "m":  # %m is the text of errno and takes no argument
                yield "%", int(directive["number"][:-1]) - 1 if directive["number"] else None, directive
    if token.kind in ("field", "tag"):
        for directive in _FIELD_DIRECTIVE.finditer(token.text):
            if directive["rest"] is not None:
                yield "{", int(directive["number"]) if directive["number"] else None, directive
