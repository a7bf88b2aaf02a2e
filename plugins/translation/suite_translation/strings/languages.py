"""Codes of languages in the three forms that models use: ISO 639-1, ISO 639-3 as NLLB and OPUS write it, the name."""

from __future__ import annotations

from collections.abc import Iterable

from suite import SuiteError

_TABLE = """
af afr Afrikaans; am amh Amharic; ar arb Arabic; az azj Azerbaijani; be bel Belarusian; bg bul Bulgarian;
bn ben Bengali; bs bos Bosnian; ca cat Catalan; cs ces Czech; cy cym Welsh; da dan Danish; de deu German; el ell Greek;
en eng English; eo epo Esperanto; es spa Spanish; et est Estonian; eu eus Basque; fa pes Persian; fi fin Finnish;
fr fra French;
ga gle Irish; gl glg Galician; gu guj Gujarati; he heb Hebrew; hi hin Hindi; hr hrv Croatian; hu hun Hungarian;
hy hye Armenian; id ind Indonesian; is isl Icelandic; it ita Italian; ja jpn Japanese; ka kat Georgian; kk kaz Kazakh;
km khm Khmer; kn kan Kannada; ko kor Korean; lt lit Lithuanian; lv lvs Latvian; mk mkd Macedonian; ml mal Malayalam;
mr mar Marathi; ms zsm Malay; my mya Burmese; nb nob Norwegian; ne npi Nepali; nl nld Dutch; nn nno Norwegian;
no nob Norwegian; pa pan Punjabi; pl pol Polish; pt por Portuguese; ro ron Romanian; ru rus Russian; si sin Sinhala;
sk slk Slovak; sl slv Slovenian; sq als Albanian; sr srp Serbian; sv swe Swedish; sw swh Swahili; ta tam Tamil;
te tel Telugu; th tha Thai; tl tgl Tagalog; tr tur Turkish; uk ukr Ukrainian; ur urd Urdu; uz uzn Uzbek;
vi vie Vietnamese; xh xho Xhosa; zh zho Chinese; zu zul Zulu
"""
_ROWS = [line.split() for line in _TABLE.replace("\n", " ").split(";")]
_LONG = {short: long for short, long, _ in _ROWS}
_NAMES = {short: name for short, _, name in _ROWS}


def code_in(language: str, known: Iterable[str]) -> str:
    """A model's own code for `language`: as given, else the first that names the same language.

    Raises `SuiteError` naming what the model knows.

    >>> code_in("de", ["deu_Latn", "fra_Latn"]), code_in("pt_BR", ["pt", "de"]), code_in("fr", ["fr_XX"])
    ('deu_Latn', 'pt', 'fr_XX')
    """
    codes = sorted(known)
    wanted = language.replace("-", "_").lower()
    short = wanted.partition("_")[0]
    for form in (wanted, short, _LONG.get(short, short)):
        for code in codes:
            if form in (plain := code.replace("-", "_").lower(), plain.partition("_")[0]):
                return code
    raise SuiteError(f"The model knows no language {language!r}; it knows {', '.join(codes)}.")


def name_of(language: str) -> str:
    """The English name of a language, as T5's instructions have it. Raises `SuiteError` for one not in the table."""
    short = language.replace("-", "_").lower().partition("_")[0]
    if short not in _NAMES:
        raise SuiteError(f"Suite knows no English name for the language {language!r}; give one of {', '.join(_NAMES)}.")
    return _NAMES[short]


def tag(language: str) -> str:
    """A language's code in one spelling.

    >>> tag(" de_AT ")
    'de-at'
    """
    return language.strip().replace("_", "-").lower()


def alike(language: str, other: str) -> bool:
    """Whether two codes may share texts: equal, or one names no region; an empty one is alike all.

    >>> alike("de", "de_AT"), alike("pt-BR", "pt-PT"), alike("", "fr")
    (True, False, True)
    """
    first, second = tag(language), tag(other)
    return (
        not first
        or not second
        or first == second
        or first == second.partition("-")[0]
        or second == first.partition("-")[0]
    )
