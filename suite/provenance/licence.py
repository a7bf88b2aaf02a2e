"""Under which licence a fine-tuned model may be given away, from that of the model it was fine-tuned from."""

from __future__ import annotations

import re

from suite.errors import SuiteError, unknown

IDENTIFIERS = frozenset(
    {
        "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bigcode-openrail-m", "bigscience-bloom-rail-1.0",
        "bigscience-openrail-m", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "cc", "cc-by-2.0",
        "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0",
        "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0",
        "cc-by-sa-4.0", "cc0-1.0", "creativeml-openrail-m", "epl-2.0", "eupl-1.1", "eupl-1.2", "gemma", "gpl",
        "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "llama2", "llama3", "llama3.1", "llama3.2",
        "llama3.3", "mit", "mpl-2.0", "odbl", "odc-by", "openrail", "openrail++", "other", "pddl", "unlicense",
        "wtfpl", "zlib",
    }
)  # fmt: skip
"""The Hub's words for licences, https://huggingface.co/docs/hub/repositories-licenses; others become `other`."""

_KEPT = re.compile(r"(^|-)nd(-|$)|not be redistributed|no redistribution|no derivatives|all rights reserved")
_UNPAID = re.compile(r"(^|-)nc(-|$)|non-?\s?commercial|research only|research use only")


def identifier(text: str) -> str:
    """The Hub's word for a licence, `other` for one it has none for, "" for no licence at all.

    >>> identifier("Apache-2.0"), identifier("free with its copyright notice")
    ('apache-2.0', 'other')
    """
    word = text.strip().lower()
    return word if word in IDENTIFIERS or not word else "other"


def forbids_sharing(text: str) -> bool:
    """Whether a licence lets nobody pass on what was made from the thing: `-nd` of Creative Commons and the like."""
    return bool(_KEPT.search(text.lower()))


def non_commercial(text: str) -> bool:
    """Whether a licence forbids commercial use."""
    return bool(_UNPAID.search(text.lower()))


def granted(base: str, licence: str, *, asked: str = "", consent: bool = False) -> str:
    """The Hub's word for the licence of a model fine-tuned from `base`, which is under `licence` ("" if not known).

    `asked` is what the user wants; `consent` says that the user has agreed to non-commercial terms before. Raises
    `SuiteError` where the base may not be passed on, or only under terms that `asked` drops or nobody agreed to.
    """
    if asked and identifier(asked) not in IDENTIFIERS - {"other"} and asked != "other":
        raise unknown("licence", asked, IDENTIFIERS, hint="Give --licence other for one the Hub has no word for.")
    if forbids_sharing(licence):
        raise SuiteError(
            f"{base} is licensed {licence!r}, which forbids passing on what is made from it: this model cannot be "
            "pushed; fine-tune from another."
        )
    if non_commercial(licence) and not (non_commercial(asked) or (consent and not asked)):
        kept = identifier(licence) if identifier(licence) != "other" else "cc-by-nc-4.0"
        raise SuiteError(
            f"{base} is licensed {licence!r}, which forbids commercial use, and so does all that is made from it; if "
            f"that is meant, say so with --licence {kept}."
        )
    return identifier(asked or licence) or "other"
