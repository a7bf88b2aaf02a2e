"""Plural forms of gettext by language: how many there are, and which number takes which."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from contextlib import suppress

from suite import SuiteError, decoding

_COUNT = re.compile(r"nplurals\s*=\s*(\d{1,2})")
_FORM = re.compile(r"plural\s*=(.*)", re.DOTALL)
_LONGEST = 1000
"""Characters of a rule: gettext's own longest has 170, and its compiler takes no more than these."""
_ONE = "nplurals=1; plural=0;"
_TWO = "nplurals=2; plural=(n != 1);"
_FRENCH = "nplurals=2; plural=(n > 1);"
_SLAVIC = "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
_CZECH = "nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);"
# After gettext's own table (gettext manual, "Plural forms"), whose rules are those of Unicode's CLDR for whole numbers.
_RULES = {
    _ONE: "ja ko zh vi th id ms my lo km",
    _TWO: (
        "en de nl sv da no nb nn fo fy lb es ca gl pt it ast eu eo el bg fi et hu he tr az kk ky ka mn sq sw ta te ml "
        "mr ne ur uz tk ug ps ku so xh yi af fur ia st"
    ),
    _FRENCH: "fr pt_BR am fa hi bn hy ak ln mg oc ti wa gu kn zu as pa si tl fil",
    _SLAVIC: "ru uk be sr hr bs",
    _CZECH: "cs sk",
    "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);": "pl",
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && (n%100<10 || n%100>=20) ? 1 : 2);": "lt",
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n != 0 ? 1 : 2);": "lv",
    "nplurals=3; plural=(n==1 ? 0 : (n==0 || (n%100 > 0 && n%100 < 20)) ? 1 : 2);": "ro mo",
    "nplurals=4; plural=(n%100==1 ? 0 : n%100==2 ? 1 : n%100==3 || n%100==4 ? 2 : 3);": "sl",
    "nplurals=5; plural=(n==1 ? 0 : n==2 ? 1 : n<7 ? 2 : n<11 ? 3 : 4);": "ga",
    "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);": "ar",
    "nplurals=4; plural=(n==1) ? 0 : (n==2) ? 1 : (n != 8 && n != 11) ? 2 : 3;": "cy",
    "nplurals=2; plural=(n%10!=1 || n%100==11);": "is",
    "nplurals=2; plural=(n%10==1 && n%100!=11 ? 0 : 1);": "mk",
}
_LANGUAGES = {language: rule for rule, languages in _RULES.items() for language in languages.split()}
# Far enough to tell all forms apart: no rule looks at more than the last two digits, and few at the first eleven.
_NUMBERS = range(201)

Rule = tuple[int, Callable[[int], int]]
"""How many forms there are, and the function from a number to its form."""


def rule_of(language: str) -> str:
    """The Plural-Forms line of a language; that of English where none is said, and empty for one not in the table."""
    short, _, region = language.replace("-", "_").partition("_")
    code = short.lower() or "en"
    return _LANGUAGES.get(f"{code}_{region.upper()}") or _LANGUAGES.get(code, "")


def parsed(rule: str, where: str) -> Rule:
    """What a Plural-Forms line says.

    Raises `SuiteError` for a line that says neither; `where` says in it which line that is.
    """
    shown = " ".join(rule[:_LONGEST].split())[:200]
    with suppress(SuiteError), decoding(where):
        # Parted at the semicolons, each part then matched whole: one expression for all of it would try every space.
        counted, formed, *rest = (part.strip() for part in rule[: _LONGEST + 1].split(";"))
        count, form = _COUNT.fullmatch(counted), _FORM.fullmatch(formed)
        if count and form and not any(rest) and len(rule) <= _LONGEST and 0 < int(count[1]) <= 10:
            compiled = gettext.c2py(form[1].strip())
            if all(0 <= compiled(number) < int(count[1]) for number in _NUMBERS):
                return int(count[1]), compiled
    raise SuiteError(f"{where} has the broken line 'Plural-Forms: {shown}'; for German it is 'Plural-Forms: {_TWO}'.")


def singular_forms(rule: Rule, *, same: bool) -> set[int]:
    """The forms that are made from the singular; the others are made from the plural.

    Where the singular takes the same arguments as the plural (`same`) they are all that 1 takes; else ("One file",
    "%d files") only a form that no other number takes, or 21 would be shown as one.
    """
    count, form = rule
    taken = {index: {number for number in _NUMBERS if form(number) == index} for index in range(count)}
    return {index for index, numbers in taken.items() if count > 1 and (numbers == {1} or (same and 1 in numbers))}
